import assert from "node:assert/strict";
import { drawTimeline } from "../../supabase/functions/pipelines/pictures/draw_timeline.ts";
import { buildTimeline } from "../../supabase/functions/pipelines/pictures/timeline.ts";
import { assertApart, assertInside, parsePicture, textAreas } from "../harness/pictures.ts";
import { QUEUED, recordOf, type Sketch } from "../harness/timelines.ts";
import { descendants } from "../harness/xml.ts";

/** Draws a run of these steps, and fails where texts overlap or anything is cut off. */
function draw(sketches: Sketch[], now = 0, fields = {}) {
  const timeline = buildTimeline(recordOf(sketches, fields), QUEUED + now);
  const root = parsePicture(drawTimeline(timeline));
  const texts = textAreas(root);
  assertApart(texts);
  assertInside(root, texts);
  const withClass = (name: string) =>
    descendants(root).filter(({ attributes }) => attributes.class?.split(" ").includes(name));
  for (const { attributes: { x, width } } of withClass("bar")) {
    assert.ok(Number(x) >= 0 && Number(x) + Number(width) < 960, "a bar leaves the plot");
    assert.ok(Number(width) > 2, "a bar that can't be seen");
  }
  return { root, withClass, texts: texts.map(({ name }) => name) };
}

/** Steps of every state, some of them retried. */
const mixed: Sketch[] = [
  { name: "source", tries: [[100, 2000]] },
  { name: "retried", after: [0], tries: [[2100, 3000, "retrying"], [5000, 9000]] },
  { name: "failed", after: [0], status: "failed", tries: [[2100, 4000, "failed"]] },
  { name: "running", after: [1], status: "running", tries: [[9100]] },
  { name: "ready", after: [1], status: "ready" },
  { name: "canceled", after: [0], status: "canceled", tries: [[2200, 2600, "canceled"]] },
  { name: "blocked", after: [3], status: "blocked" },
  { name: "skipped", after: [2], status: "skipped" },
  { name: "reused" },
];

/** Steps that begin one after the other; every seventh is retried. */
const many = (count: number): Sketch[] =>
  Array.from({ length: count }, (_, index) => {
    const from = index * 90;
    const name = `step number ${index}`;
    if (index % 7 !== 3) return { name, tries: [[from, from + 400 + (index * 37) % 900]] };
    return { name, tries: [[from, from + 90, "retrying"], [from + 2000, from + 2500]] };
  });

const forms: Record<string, [steps: Sketch[], now?: number]> = {
  "one step": [[{ tries: [[10, 1210]] }]],
  "one step that took no time": [[{ tries: [[0, 0]] }]],
  "every state": [mixed, 20_000],
  "60 steps": [many(60)],
  "days": [[{ tries: [[1000, 3e8]] }, { after: [0], tries: [[3e8, 3e8 + 10]] }]],
  "a long time in the queue": [[{ tries: [[1e8, 1e8 + 500]] }]],
  "not started": [[{ status: "ready" }, { after: [0], status: "blocked" }], 95_000],
  "just queued": [[{ status: "ready" }], 0],
  "canceled before it began": [[{ status: "canceled" }], 10],
};

for (const [name, [steps, now]] of Object.entries(forms)) {
  Deno.test(`a timeline of ${name}: texts don't overlap, bars stay in the plot`, () => {
    const { texts } = draw(steps, now);
    for (const { name } of steps) if (name) assert.ok(texts.includes(name), name);
  });
}

Deno.test("states differ in sign, attempts in pattern, not in colour alone", () => {
  const { withClass, root, texts } = draw(mixed, 20_000);
  const signs = withClass("badge").map(({ children }) => children[1]?.attributes.d);
  assert.equal(new Set(signs).size, 7);
  const patterns = withClass("bar-lines").map(({ attributes }) => attributes.d);
  assert.equal(new Set(patterns).size, 4);
  const fills = new Set(withClass("bar").map(({ attributes }) => attributes.fill));
  assert.equal(fills.size, 4, [...fills].join());
  const defined = new Set(descendants(root).map(({ attributes }) => attributes.id));
  for (const fill of fills) assert.ok(defined.has(fill?.slice(5, -1)), fill);
  for (const text of ["skipped", "waiting for a step before it", "failed attempt", "waiting"]) {
    assert.ok(texts.includes(text), `${text}: ${texts.join(", ")}`);
  }
  assert.ok(texts.includes("2 attempts · 6.9 s") && texts.some((text) => /^reused/.test(text)));
});

Deno.test("the critical path is framed, joined and told", () => {
  const { withClass, root, texts } = draw([
    { name: "first", tries: [[0, 1000]] },
    { name: "beside", tries: [[0, 500]] },
    { name: "last", after: [0, 1], tries: [[1000, 1500, "retrying"], [2000, 4000]] },
  ]);
  const frames = withClass("critical").filter(({ name }) => name === "rect");
  const joints = withClass("critical").filter(({ name }) => name === "path");
  assert.equal(frames.length, 1 + 1 + 2, "the legend's, and one an attempt");
  assert.equal(joints.length, 1);
  assert.match(root.children[1]?.text ?? "", /Critical path: first → last\.$/);
  assert.ok(texts.includes("critical path"));
});

Deno.test("the header tells the whole duration, or how long it has waited", () => {
  assert.ok(draw([{ tries: [[500, 12_900]] }]).texts.includes("12.4 s"));
  const running = draw([{ status: "running", tries: [[0]] }], 90_000).texts;
  assert.ok(running.includes("1 min 30 s") && running.includes("so far"));
  const queued = draw([{ status: "ready" }], 7000).texts;
  assert.ok(queued.includes("7 s") && queued.includes("in the queue so far"));
});

Deno.test("of more steps than anyone looks through those that matter are shown", () => {
  const fan: Sketch[] = Array.from({ length: 1000 }, (_, index) => ({
    name: `part ${index}`,
    tries: [[index, index + 20]],
  }));
  const slow: Sketch = { name: "slow", tries: [[10, 5000, "retrying"], [6000, 9000]] };
  const broken: Sketch = { name: "broken", status: "failed", tries: [[400, 405, "failed"]] };
  const { texts } = draw([...fan, slow, broken]);
  assert.ok(texts.includes("slow") && texts.includes("broken"));
  assert.ok(texts.includes("and 802 steps that took less"));
});

Deno.test("any name is shown as it is, cut to its room, and can't become markup", () => {
  const evil = `</text><script>alert(1)</script> & "q" 'n' \0\uD800 ]]> 🦊`;
  const shown = `</text><script>alert(1)</script> & "q" 'n' �� ]]> 🦊`;
  const { root, texts } = draw(
    [{ name: evil, tries: [[0, 10]] }, { name: "W".repeat(200), tries: [[0, 10]] }],
    0,
    { name: evil },
  );
  assert.equal(root.children[0]?.text, shown);
  assert.ok(texts.some((text) => /^W+…$/.test(text)));
  const titles = descendants(root).filter(({ name }) => name === "title").map(({ text }) => text);
  assert.ok(titles.some((title) => title.startsWith(`${shown}\nsucceeded\n`)), titles.join("\n"));
});
