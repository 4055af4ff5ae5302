import assert from "node:assert/strict";
import { toMermaid } from "../../supabase/functions/pipelines/pictures/mermaid.ts";
import { chain, fan, graphOf, tangle } from "../harness/graphs.ts";
import { parseMermaid } from "../harness/mermaid.ts";

const NAMES = [
  "end",
  "graph TD",
  "subgraph x",
  "click b1 call()",
  "style b1 fill:red;",
  'a "b" [c] {d} (e) |f| <g>',
  '%%{init: {"theme": "dark"}}%%',
  "%% no comment",
  "`**bold**`",
  "_it_ **is** a_b v1.2",
  "1. item",
  "12.5",
  "- item",
  "# heading",
  "#35; #quot; &amp;",
  "<b>x</b><br/>y<script>alert(1)</script>",
  "a --> b",
  "x ---|y| z",
  "\\",
  "'",
  "o",
  "x",
  "~~~",
  ":::class",
  "@{ shape: rect }",
  "漢字 é ñ ü",
  "🦊 👩‍👩‍👧",
  "مرحبا",
  "$$x^2$$",
];

Deno.test("names mean themselves, whatever they look like", async () => {
  const graph = graphOf(
    NAMES.map((name) => ({ name })),
    NAMES.slice(1).map((name, index) => [0, index + 1, { name }]),
  );
  const { vertices, edges } = await parseMermaid(toMermaid(graph));
  assert.deepEqual(
    vertices.map(({ text }) => text.split("\n")[0]),
    NAMES,
  );
  assert.deepEqual(edges.map(({ text }) => text), NAMES.slice(1));
});

Deno.test("a name becomes one line, not too long, and no icon", async () => {
  const names = [
    "two\nlines\r\n\tand\u2028more",
    "🦊".repeat(100),
    "fa:fa-car",
    "half \uD800 a pair",
  ];
  const { vertices } = await parseMermaid(toMermaid(graphOf(names.map((name) => ({ name })))));
  assert.deepEqual(vertices.map(({ text }) => text.split("\n")[0]), [
    "two lines and more",
    `${"🦊".repeat(79)}…`,
    "fa:\u200Bfa-car",
    "half \uFFFD a pair",
  ]);
});

Deno.test("the title can't end the front matter, nor bring a directive along", async () => {
  for (const name of ['"a"\n---\nflowchart TD', "%%{init: {}}%%", "a: b # c", "'", "\\"]) {
    const source = toMermaid(graphOf([{}], [], { name }));
    const { title, vertices } = await parseMermaid(source);
    assert.equal(title, name.replaceAll("\n", " "));
    assert.equal(vertices.length, 1);
    assert.ok(!source.includes("%%{"));
  }
});

Deno.test("types have shapes, unverified edges are dotted", async () => {
  const graph = graphOf(
    [{ block_type: "dataset" }, { block_type: "model" }, { kind: null, version_number: null }],
    [[0, 1], [1, 2, { verification_status: "pending" }], [0, 2, { verification_status: "failed" }]],
  );
  const { vertices, edges } = await parseMermaid(toMermaid(graph));
  assert.deepEqual(vertices.map(({ type, classes, text }) => [type, classes, text]), [
    ["cylinder", ["dataset"], "block 0\ntable v1"],
    ["hexagon", ["model"], "block 1\njsonata v2"],
    ["hexagon", ["model"], "block 2\nno version"],
  ]);
  assert.deepEqual(edges.map(({ start, end, text, stroke }) => [start, end, text, stroke]), [
    ["b1", "b2", "edge 0", "normal"],
    ["b2", "b3", "edge 1, not verified", "dotted"],
    ["b1", "b3", "edge 2, failed its verification", "dotted"],
  ]);
});

Deno.test("in a run classes are states, and each is told in words", async () => {
  const run = { id: "00000000-0000-4000-8000-000000000009", status: "failed" as const };
  const states = ["succeeded", "failed", "skipped", null] as const;
  const { vertices } = await parseMermaid(
    toMermaid(graphOf(states.map((status) => ({ status })), [], { run })),
  );
  assert.deepEqual(vertices.map(({ classes }) => classes), [
    ["succeeded"],
    ["failed"],
    ["skipped"],
    [],
  ]);
  assert.ok(vertices[1]?.text.endsWith("\nfailed"));
});

Deno.test("graphs of every form parse", async () => {
  for (const graph of [chain(60), fan(200), tangle(300, 450)]) {
    const { vertices, edges } = await parseMermaid(toMermaid(graph));
    assert.equal(vertices.length, graph.nodes.length);
    assert.equal(edges.length, graph.edges.length);
  }
});
