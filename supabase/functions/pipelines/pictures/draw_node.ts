import type { StyleRule } from "@shared/picture_theme.ts";
import { type Markup, markup, placed, text } from "@shared/svg.ts";
import { BOLD, fitText, textWidth } from "@shared/svg_text.ts";
import type { Box } from "./geometry.ts";
import type { GraphNode } from "./graph_schema.ts";
import { outlineOf, paddingOf, slopeOf } from "./node_shapes.ts";
import { badge, describeState } from "./step_looks.ts";

const NAME_SIZE = 13;
const KIND_SIZE = 11;
/** Beside its lines of text, what a block's height holds. */
const SPARE_HEIGHT = 28;
const MIN_WIDTH = 128;
const MAX_WIDTH = 208;
const NAME_LINES = 2;
const LINE_HEIGHT = 16;

/** One size for all blocks of a picture: as large as the longest name needs, within bounds. */
export function nodeSizeFor(nodes: readonly GraphNode[]): { width: number; height: number } {
  const widths = nodes.map(({ name, block_type }) =>
    textWidth(name, NAME_SIZE) * BOLD + 2 * paddingOf(block_type)
  );
  const width = Math.ceil(Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, ...widths)));
  const lines = Math.max(1, ...nodes.map((node) => nameLines(node, width).length));
  return { width, height: SPARE_HEIGHT + (lines + 1) * LINE_HEIGHT };
}

/** A block: its outline by type, its name, kind and version, and its state in a run. */
export function drawNode(node: GraphNode, box: Box, isInRun: boolean): Markup {
  const { x, y, width, height } = box;
  const { block_type, status } = node;
  const lines = nameLines(node, width);
  // The rim of a cylinder takes from its top: what is written there moves down a little.
  const middle = height / 2 + (block_type === "dataset" ? 5 : 0);
  const top = middle - (lines.length * LINE_HEIGHT) / 2;
  const centre = { x: width / 2, anchor: "middle" } as const;
  return placed(x, y, [
    markup`<title>${describe(node)}</title>`,
    markup`<path class="node ${lookOf(node, isInRun)}" d="${
      outlineOf(block_type, width, height)
    }"/>`,
    lines.map((line, index) =>
      text(line, {
        ...centre,
        y: top + index * LINE_HEIGHT + 5,
        size: NAME_SIZE,
        kind: "strong",
      })
    ),
    text(caption(node), { ...centre, y: top + lines.length * LINE_HEIGHT + 5, size: KIND_SIZE }),
    status ? placed(width - slopeOf(block_type) - 6, 4, badge(status)) : "",
  ]);
}

/** In a run the colour tells what has become of a block, otherwise its type. */
function lookOf({ status, kind, block_type }: GraphNode, isInRun: boolean): string {
  if (isInRun) return status ? `is-${status}` : "is-absent";
  return kind === null ? "is-unversioned" : `of-${block_type}`;
}

const caption = ({ kind, version_number }: GraphNode) =>
  kind === null ? "no version" : `${kind} · v${version_number}`;

function describe({ name, block_type, status, ...node }: GraphNode): string {
  const lines = [name, `${block_type}, ${caption({ name, block_type, status, ...node })}`];
  return [...lines, ...(status ? [describeState(status)] : [])].join("\n");
}

/** A name in as many lines as a block has room for, the rest cut. */
function nameLines({ name, block_type }: GraphNode, nodeWidth: number): string[] {
  const width = (nodeWidth - 2 * paddingOf(block_type)) / BOLD;
  const lines: string[] = [];
  let rest = name.replace(/\s+/g, " ");
  while (lines.length < NAME_LINES - 1 && textWidth(rest, NAME_SIZE) > width) {
    const fitting = fitText(rest, width, NAME_SIZE).slice(0, -1);
    const space = rest[fitting.length] === " " ? fitting.length : fitting.lastIndexOf(" ");
    const end = space > fitting.length / 2 ? space : fitting.length;
    lines.push(rest.slice(0, end).trim());
    rest = rest.slice(end).trim();
  }
  return [...lines, fitText(rest, width, NAME_SIZE)];
}

/** The rules of blocks outside of a run. */
export const nodeRules: readonly StyleRule[] = [
  { selector: ".node", always: "stroke-width:1.5;stroke-linejoin:round" },
  {
    selector: ".node.of-dataset",
    light: "stroke:#1d4e94;fill:#e8f0fb",
    dark: "stroke:#6aa5ec;fill:#14263f",
  },
  {
    selector: ".node.of-model",
    light: "stroke:#6b3fa8;fill:#f3ecfc",
    dark: "stroke:#b08be8;fill:#2a1e3f",
  },
  {
    selector: ".node.of-any",
    light: "stroke:#57606c;fill:#f4f6f8",
    dark: "stroke:#a3acb8;fill:#1a2028",
  },
  {
    selector: ".node.is-unversioned,.node.is-absent",
    always: "stroke-dasharray:5 4",
    light: "stroke:#8d96a1;fill:#ffffff",
    dark: "stroke:#6d7784;fill:#11151b",
  },
];
