import { JSDOM } from "jsdom";
import { z } from "zod";

// What Mermaid sanitizes labels with looks for a document when it is loaded.
const { window } = new JSDOM("");
Object.assign(globalThis, { window, document: window.document });
const { default: mermaid } = await import("mermaid");

const vertexSchema = z.object({
  id: z.string(),
  text: z.string(),
  type: z.string(),
  classes: z.array(z.string()),
});

const edgeSchema = z.object({
  start: z.string(),
  end: z.string(),
  text: z.string(),
  stroke: z.string(),
});

/** What Mermaid reads from a flowchart, its texts as it shows them. */
export type Flowchart = {
  title: string;
  vertices: z.infer<typeof vertexSchema>[];
  edges: z.infer<typeof edgeSchema>[];
};

/** Reads a flowchart with Mermaid's own parser. @throws where it is none */
export async function parseMermaid(source: string): Promise<Flowchart> {
  const { diagramType } = await mermaid.parse(source);
  if (diagramType !== "flowchart-v2") throw new Error(`This is a ${diagramType}`);
  const { db } = await mermaid.mermaidAPI.getDiagramFromText(source);
  const vertices = z.map(z.string(), vertexSchema).parse(ask(db, "getVertices"));
  const edges = z.array(edgeSchema).parse(ask(db, "getEdges"));
  return {
    title: titleOf(source),
    vertices: [...vertices.values()].map((vertex) => ({ ...vertex, text: decode(vertex.text) })),
    edges: edges.map((edge) => ({ ...edge, text: decode(edge.text) })),
  };
}

/** Asks a diagram for what only a flowchart knows. */
function ask(db: object, method: string): unknown {
  const found: unknown = Reflect.get(db, method);
  if (typeof found !== "function") throw new Error(`This diagram has no ${method}`);
  return found.call(db);
}

/** What the front matter names it; YAML holds JSON. */
const titleOf = (source: string): string =>
  z.string().parse(JSON.parse(/^---\ntitle: (.+)\n---\n/.exec(source)?.[1] ?? "null"));

/** Breaks of lines, and Mermaid's codes for characters, which it turns into those of HTML at last. */
const decode = (text: string) =>
  text.replace(/<br\s*\/?>/g, "\n")
    .replace(/ﬂ°°(\d+)¶ß/g, (_, code) => String.fromCodePoint(Number(code)));
