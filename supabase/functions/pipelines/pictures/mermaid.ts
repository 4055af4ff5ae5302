import type { Graph, GraphEdge, GraphNode } from "./graph_schema.ts";
import { describeState, lightColours, STEP_STATES } from "./step_looks.ts";

const MAX_NAME = 80;
const INDENT = "  ";

/** A graph as a Mermaid flowchart: datasets are cylinders, models hexagons, unverified edges dotted. */
export function toMermaid(graph: Graph): string {
  const { name, nodes, edges, run } = graph;
  const ids = new Map(nodes.map(({ block_id }, index) => [block_id, `b${index + 1}`]));
  const idOf = (block: string) => ids.get(block) ?? block;
  const lines = [
    ...nodes.map((node) => `${idOf(node.block_id)}${shapeOf(node)}`),
    ...edges.map((edge) =>
      `${idOf(edge.source_block_id)} ${arrowOf(edge)} ${idOf(edge.target_block_id)}`
    ),
    ...(nodes.length === 0 ? [`empty["${quote("This pipeline has no blocks yet")}"]`] : []),
    ...(run ? stateClasses(graph, idOf) : typeClasses(graph, idOf)),
  ];
  // The title is YAML, which holds any JSON string.
  const title = JSON.stringify(plain(name)).replaceAll("%", "\\u0025");
  return [
    "---",
    `title: ${title}`,
    "---",
    "flowchart LR",
    ...lines.map((line) => INDENT + line),
    "",
  ]
    .join("\n");
}

function shapeOf({ name, block_type, kind, version_number, status }: GraphNode): string {
  const label = [
    plain(name),
    kind === null ? "no version" : `${kind} v${version_number}`,
    ...(status ? [describeState(status)] : []),
  ].map(quote).join("<br/>");
  return block_type === "dataset" ? `[("${label}")]` : `{{"${label}"}}`;
}

/** What is said of an edge that may not enter a run. */
const REMARKS: Record<GraphEdge["verification_status"], string> = {
  passed: "",
  pending: ", not verified",
  failed: ", failed its verification",
};

function arrowOf({ name, verification_status }: GraphEdge): string {
  const line = verification_status === "passed" ? "-->" : "-.->";
  return `${line}|"${quote(plain(name) + REMARKS[verification_status])}"|`;
}

type IdOf = (block: string) => string;

/** In a run a block's class is its state. */
const stateClasses = ({ nodes }: Graph, idOf: IdOf): string[] =>
  STEP_STATES.flatMap((state) => {
    const [line, area] = lightColours(state);
    const found = nodes.filter(({ status }) => status === state);
    return classOf(state, `fill:${area},stroke:${line},color:#1a1f26`, found, idOf);
  });

const TYPES = [
  { type: "dataset", style: "fill:#e8f0fb,stroke:#1d4e94,color:#1a1f26" },
  { type: "model", style: "fill:#f3ecfc,stroke:#6b3fa8,color:#1a1f26" },
] as const;

const typeClasses = ({ nodes }: Graph, idOf: IdOf): string[] =>
  TYPES.flatMap(({ type, style }) =>
    classOf(type, style, nodes.filter(({ block_type }) => block_type === type), idOf)
  );

function classOf(name: string, style: string, nodes: readonly GraphNode[], idOf: IdOf): string[] {
  if (nodes.length === 0) return [];
  const members = nodes.map(({ block_id }) => idOf(block_id)).join(",");
  return [`classDef ${name} ${style}`, `class ${members} ${name}`];
}

/** One line, not too long. An invisible space keeps `fa:fa-…` from becoming an icon, which no code does. */
function plain(name: string): string {
  const line = name.replace(/[\s\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
  const chars = [...line.replace(/(?<=fa[bklrs]?:)(?=fa-)/g, "\u200B")];
  return chars.length <= MAX_NAME ? chars.join("") : `${chars.slice(0, MAX_NAME - 1).join("")}…`;
}

// Mermaid looks for syntax inside of quotes too: directives (%%{…}%%), Markdown (lists, `…`, _…_), HTML. So all but letters, digits, spaces, commas, and marks within words is written as a code.
const UNSAFE = /[^\p{L}\p{N}\p{M} ,._-]|(?<![\p{L}\p{N}])[._-]|[._-](?![\p{L}\p{N}])|^\d+(?=\.)/gu;

/** Text that means itself between the quotes of a Mermaid label. */
const quote = (text: string): string =>
  text.toWellFormed().replace(
    UNSAFE,
    (found) => [...found].map((char) => `#${char.codePointAt(0)};`).join(""),
  );
