import assert from "node:assert/strict";
import { drawGraph, layOutGraph } from "../../supabase/functions/pipelines/pictures/draw_graph.ts";
import { pathOf } from "../../supabase/functions/pipelines/pictures/edge_path.ts";
import type { Box } from "../../supabase/functions/pipelines/pictures/geometry.ts";
import type { Graph } from "../../supabase/functions/pipelines/pictures/graph_schema.ts";
import { isDrawable } from "../../supabase/functions/pipelines/pictures/graph_size.ts";
import { chain, fan, graphOf, ladder, tangle } from "../harness/graphs.ts";
import {
  type Area,
  assertApart,
  assertInside,
  parsePicture,
  pointsOf,
  textAreas,
} from "../harness/pictures.ts";
import { descendants } from "../harness/xml.ts";

const STATES = [
  "blocked",
  "ready",
  "running",
  "succeeded",
  "failed",
  "skipped",
  "canceled",
] as const;

const areaOf = (name: string, { x, y, width, height }: Box): Area => ({
  name,
  left: x,
  right: x + width,
  top: y,
  bottom: y + height,
});

/** Fails where boxes or labels overlap, or a line runs through a block that it doesn't join. */
function checkLayout(graph: Graph) {
  const drawing = layOutGraph(graph);
  const names = new Map(graph.nodes.map(({ block_id, name }) => [block_id, name]));
  const blocks = [...drawing.nodes].map(([id, box]) => areaOf(names.get(id) ?? "", box));
  const labels = [...drawing.edges].map(([, { label }], index) => areaOf(`label ${index}`, label));
  assert.equal(blocks.length, graph.nodes.length);
  assert.equal(labels.length, graph.edges.length);
  assertApart([...blocks, ...labels]);
  const { width, height } = drawing;
  for (const { name, left, right, top, bottom } of [...blocks, ...labels]) {
    const isInside = left >= 0 && top >= 0 && right <= width && bottom <= height;
    assert.ok(isInside, `${name} leaves the drawing`);
  }
  for (const [index, { legs }] of [...drawing.edges.values()].entries()) {
    // A line begins and ends on the outline of a block; its own label is on it.
    const obstacles = [
      ...blocks.map((block) => ({ ...block, left: block.left + 15, right: block.right - 15 })),
      ...labels.filter((_, other) => other !== index),
    ];
    for (const { x, y } of pointsOf(pathOf(legs))) {
      assert.ok(x >= 0 && x <= width && y >= -1 && y <= height + 1, `line ${index} leaves it`);
      for (const { name, left, right, top, bottom } of obstacles) {
        const isIn = x > left && x < right && y > top && y < bottom;
        assert.ok(!isIn, `Line ${index} runs through ${name}`);
      }
    }
  }
  return { ...drawing, blocks };
}

/** Draws a graph, and fails where texts overlap or are cut off. */
function draw(graph: Graph) {
  const root = parsePicture(drawGraph(graph));
  const texts = textAreas(root);
  assertApart(texts);
  assertInside(root, texts);
  const withClass = (name: string) =>
    descendants(root).filter(({ attributes }) => attributes.class?.split(" ").includes(name));
  return { root, withClass, texts: texts.map(({ name }) => name) };
}

const forms: Record<string, Graph> = {
  "nothing": graphOf([]),
  "one block": graphOf([{}]),
  "a chain of 3": chain(3),
  "a chain of 60": chain(60),
  "a fan of 50": fan(50),
  "a ladder of diamonds": ladder(8),
  "12 blocks": tangle(12, 16),
  "60 blocks": tangle(60, 85),
  "60 blocks, closely joined": tangle(60, 200, 3),
  "300 blocks": tangle(300, 330),
  "30 blocks, hardly joined": graphOf(Array(30).fill({}), [[0, 1], [1, 2], [3, 4], [5, 6], [5, 7]]),
  "a long shortcut": graphOf(Array(40).fill({}), [
    ...Array.from({ length: 39 }, (_, index): [number, number] => [index, index + 1]),
    [0, 39],
    [2, 30],
  ]),
};

for (const [name, graph] of Object.entries(forms)) {
  Deno.test(`${name}: nothing overlaps, and no line runs through a block`, () => {
    assert.ok(isDrawable(graph));
    checkLayout(graph);
    const { texts } = draw(graph);
    for (const { name } of graph.nodes) assert.ok(texts.includes(name), `${name} is not named`);
  });
}

Deno.test("layers go from left to right, and a long chain is folded like text", () => {
  const short = checkLayout(chain(4));
  const lefts = short.blocks.map(({ left }) => left);
  assert.deepEqual(lefts, lefts.toSorted((a, b) => a - b));
  const long = checkLayout(chain(60));
  assert.ok(long.width < 2400 && long.width / long.height < 3, `${long.width} × ${long.height}`);
  const rows = Map.groupBy(long.blocks, ({ top }) => Math.round(top));
  assert.ok(rows.size > 4);
  for (const row of rows.values()) {
    const numbers = row.toSorted((a, b) => a.left - b.left).map(({ name }) =>
      Number(name.slice(6))
    );
    assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b), "read like text");
  }
});

Deno.test("types and states differ in shape or sign, not in colour alone", () => {
  const types = draw(graphOf([{ block_type: "dataset" }, { block_type: "model" }]));
  const outlines = types.withClass("node").map(({ attributes }) =>
    attributes.d?.replace(/[\d. ]/g, "")
  );
  assert.equal(new Set(outlines).size, 2);

  const blocks = STATES.map((status) => ({ status, block_type: "model" as const }));
  const run = { id: "00000000-0000-4000-8000-000000000009", status: "running" as const };
  const states = draw(graphOf([...blocks, { status: null }], [], { run }));
  const signs = states.withClass("badge").map(({ children }) => children[1]?.attributes.d);
  assert.equal(new Set(signs).size, STATES.length);
  assert.equal(signs.length, 2 * STATES.length, "each block's, and the legend's");
  for (const text of ["running 1", "skipped 1", "not part of this run 1"]) {
    assert.ok(states.texts.includes(text), `${text}: ${states.texts.join(", ")}`);
  }

  const edges = draw(graphOf(Array(4).fill({}), [
    [0, 1],
    [1, 2, { verification_status: "pending" }],
    [2, 3, { verification_status: "failed" }],
  ]));
  const style = edges.root.children[2]?.text ?? "";
  assert.match(style, /\.edge\.is-pending \.line\{stroke-dasharray:7 5/);
  assert.match(style, /\.edge\.is-failed \.line\{stroke-dasharray:2 4/);
  assert.ok(edges.texts.includes("? edge 1") && edges.texts.includes("✕ edge 2"));
});

Deno.test("long names are cut to their room, and told whole to who points at them", () => {
  const long = "a name that goes on and on, ".repeat(7).slice(0, 190);
  const wide = "W".repeat(200);
  const names = [long, wide, "漢".repeat(200), "🦊".repeat(100), `two\nlines\tand  spaces`];
  const graph = graphOf(names.map((name) => ({ name })), [[0, 1, { name: wide }], [1, 2]], {
    name: wide,
  });
  checkLayout(graph);
  const { root, texts } = draw(graph);
  assert.ok(texts.some((text) => /^W+…$/.test(text)));
  assert.ok(texts.includes("two lines and spaces"));
  const titles = descendants(root).filter(({ name }) => name === "title").map(({ text }) => text);
  for (const name of names) assert.ok(titles.some((title) => title.startsWith(name)), name);
});

Deno.test("any text is shown as it is, and can't become markup", () => {
  const evil = `</text><script>alert(1)</script> & "q" 'n' \0\u0007\uD800 ]]> 🦊`;
  const shown = `</text><script>alert(1)</script> & "q" 'n' ��� ]]> 🦊`;
  const { root } = draw(
    graphOf([{ name: evil, kind: "<b>" }, {}], [[0, 1, { name: evil }]], { name: evil }),
  );
  assert.equal(root.children[0]?.text, shown);
  const titles = descendants(root).filter(({ name }) => name === "title").map(({ text }) => text);
  assert.equal(titles.filter((title) => title.startsWith(shown)).length, 4, "edge, label, block");
});

Deno.test("what would take longer than a request has is not drawn", () => {
  assert.ok(!isDrawable(graphOf(Array(301).fill({}))));
  assert.ok(!isDrawable(tangle(300, 1200)));
  const shortcuts = Array.from({ length: 99 }, (_, index): [number, number] => [0, index + 1]);
  const { nodes, edges } = chain(100);
  const skipping = graphOf(nodes, [
    ...edges.map((_, index): [number, number] => [index, index + 1]),
    ...shortcuts.slice(1),
  ]);
  assert.ok(!isDrawable(skipping), "lines over thousands of layers");
  assert.ok(isDrawable(fan(298)));
});
