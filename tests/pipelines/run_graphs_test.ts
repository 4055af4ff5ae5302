import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { expect } from "../harness/expect.ts";
import {
  createBlock,
  createPipeline,
  createVerifiedEdge,
  runPair,
  runPipeline,
  startRun,
  waitForRun,
} from "../harness/pipelines.ts";
import { readEvents } from "../harness/events.ts";
import { createTenant, type User } from "../harness/tenant.ts";

const model = (user: User, source: string) => createBlock(user, { kind: "code", source });
const passOn = { kind: "jsonata", expression: "input" };

Deno.test("edges of all three kinds transform what flows", async (t) => {
  const { owner } = await createTenant();
  const source = await createBlock(owner, { kind: "inline", rows: [{ n: 1 }, { n: 2 }] });
  const target = await createBlock(owner, passOn);
  const through = (spec: { kind: string; [key: string]: unknown }) =>
    runPair(owner, source, spec, target);

  await t.step("identity", async () => {
    assert.deepEqual((await through({ kind: "identity" })).output, [{ n: 1 }, { n: 2 }]);
  });
  await t.step("jsonata", async () => {
    const { output } = await through({ kind: "jsonata", expression: "$sum(input.n)" });
    assert.equal(output, 3);
  });
  await t.step("code", async () => {
    const { output } = await through({ kind: "code", source: "return input.map(({ n }) => n);" });
    assert.deepEqual(output, [1, 2]);
  });
  await t.step("an input that breaks the edge's schema fails the step behind it", async () => {
    const run = await through({ kind: "identity", input_schema: { type: "array", maxItems: 1 } });
    assert.equal(run.status, "failed");
    assert.equal(run.error.code, "input_invalid");
    assert.equal(run.error.block, target.name);
    const after = await through({ kind: "identity", output_schema: { type: "string" } });
    assert.equal(after.error.code, "output_invalid");
  });
  await t.step("an error of the edge's code tells its place", async () => {
    const { error } = await through({
      kind: "code",
      source: "const a = 1;\nthrow new Error('no');",
    });
    assert.match(error.message, /no/);
    assert.equal(error.position.line, 2);
  });
});

Deno.test("graphs", async (t) => {
  const { owner } = await createTenant();
  const edge = await createVerifiedEdge(owner);
  const [a, b] = [
    await createBlock(owner, { kind: "inline", rows: [1] }),
    await createBlock(owner, { kind: "inline", rows: [2] }),
  ];

  await t.step("several incoming edges: an object keyed by the sources' names", async () => {
    const join = await createBlock(owner, passOn);
    const pipeline = await createPipeline(owner, [a, b, join], [[a, join, edge], [b, join, edge]]);
    const { output } = await runPipeline(owner, pipeline);
    assert.deepEqual(output, { [a.name]: [1], [b.name]: [2] });
  });

  await t.step("several final blocks: an object keyed by their names", async () => {
    const left = await model(owner, "return 'left';");
    const right = await model(owner, "return 'right';");
    const pipeline = await createPipeline(owner, [a, left, right], [
      [a, left, edge],
      [a, right, edge],
    ]);
    const run = await runPipeline(owner, pipeline);
    assert.deepEqual(run.output, { [left.name]: "left", [right.name]: "right" });
  });

  await t.step("a diamond runs each block once, in order", async () => {
    const left = await model(owner, "return input[0] + 10;");
    const right = await model(owner, "return input[0] + 20;");
    const join = await model(owner, "return Object.values(input).reduce((x, y) => x + y);");
    const pipeline = await createPipeline(owner, [a, left, right, join], [
      [a, left, edge],
      [a, right, edge],
      [left, join, edge],
      [right, join, edge],
    ]);
    const run = await runPipeline(owner, pipeline);
    assert.equal(run.output, 32);
    assert.deepEqual(run.steps.map(({ attempt }: Body) => attempt), [1, 1, 1, 1]);
    const started = (await readEvents(owner, run.id))
      .filter(({ event }) => event === "step.started").map(({ data }) => data.data.name);
    assert.equal(started[0], a.name);
    assert.equal(started.at(-1), join.name);
  });

  await t.step("blocks that nothing joins run side by side", async () => {
    const run = await runPipeline(owner, await createPipeline(owner, [a, b]));
    assert.deepEqual(run.output, { [a.name]: [1], [b.name]: [2] });
  });

  await t.step("a failure skips what follows it, while other branches finish", async () => {
    const broken = await model(owner, "throw new Error('broken');");
    const [child, grandchild] = [
      await createBlock(owner, passOn),
      await createBlock(owner, passOn),
    ];
    const other = await createBlock(owner, passOn);
    const join = await createBlock(owner, passOn);
    const pipeline = await createPipeline(owner, [a, broken, child, grandchild, other, join], [
      [a, broken, edge],
      [broken, child, edge],
      [child, grandchild, edge],
      [a, other, edge],
      [other, join, edge],
      [grandchild, join, edge],
    ]);
    const run = await runPipeline(owner, pipeline);
    assert.equal(run.status, "failed");
    assert.equal(run.output, null);
    assert.equal(run.error.block, broken.name);
    const statuses = [a, broken, child, grandchild, other, join]
      .map(({ name }) => run.step[name].status);
    const expected = ["succeeded", "failed", "skipped", "skipped", "succeeded", "skipped"];
    assert.deepEqual(statuses, expected);
    const events = (await readEvents(owner, run.id)).map(({ event }) => event);
    assert.equal(events.filter((event) => event === "step.skipped").length, 3);
    assert.equal(events.at(-1), "run.failed");
  });
});

Deno.test("from: only a block and what follows it run, and it gets the input", async (t) => {
  const { owner } = await createTenant();
  const edge = await createVerifiedEdge(owner);
  const first = await model(owner, "throw new Error('must not run');");
  const middle = await model(owner, "return input.n * 2;");
  const last = await model(owner, "return input + 1;");
  const side = await model(owner, "throw new Error('must not run');");
  const pipeline = await createPipeline(owner, [first, middle, last, side], [
    [first, middle, edge],
    [middle, last, edge],
    [first, side, edge],
  ]);

  await t.step("from the middle", async () => {
    const run = await runPipeline(owner, pipeline, { input: { n: 4 }, from: middle.id });
    assert.equal(run.status, "succeeded", JSON.stringify(run.error));
    assert.equal(run.output, 9);
    const names = run.steps.map(({ name }: Body) => name).toSorted();
    assert.deepEqual(names, [middle.name, last.name].toSorted());
  });
  await t.step("a model that nothing leads to gets the input", async () => {
    const alone = await createPipeline(owner, [middle]);
    assert.equal((await runPipeline(owner, alone, { input: { n: 4 } })).output, 8);
  });
});

Deno.test("a run keeps the versions that it was started with", async (t) => {
  const { owner } = await createTenant();
  const source = await createBlock(owner, { kind: "inline", rows: ["old"] });
  const edge = await createVerifiedEdge(owner, { kind: "jsonata", expression: "input[0]" });
  const target = await createBlock(owner, { kind: "code", source: "return 'old ' + input;" });
  const pipeline = await createPipeline(owner, [source, target], [[source, target, edge]]);
  const versions = (kind: string, { id }: Body) => `/pipelines/${kind}/${id}/versions`;

  await t.step("a newer version after the start does not matter", async () => {
    const started = await startRun(owner, pipeline);
    // No worker has had the time to look, and even if: what is pinned is what counts.
    await Promise.all([
      owner.post(versions("blocks", source), { spec: { kind: "inline", rows: ["new"] } }),
      owner.post(versions("blocks", target), { spec: { kind: "code", source: "return 'new';" } }),
      owner.post(versions("edges", edge), { spec: { kind: "jsonata", expression: "'new'" } }),
    ]);
    const run = await waitForRun(owner, started.id);
    assert.equal(run.output, "old old");
    const numbers = run.definition.blocks.map(({ version_number }: Body) => version_number);
    assert.deepEqual(numbers, [1, 1]);
  });
  await t.step("the next run takes the new ones, once the edge is verified", async () => {
    expect(await owner.post(`/pipelines/edges/${edge.id}/verifications`), 201);
    assert.equal((await runPipeline(owner, pipeline)).output, "new");
  });
  await t.step("an older version that is made active counts again", async () => {
    expect(await owner.post(`${versions("blocks", target)}/1/activate`), 200);
    assert.equal((await runPipeline(owner, pipeline)).output, "old new");
    expect(await owner.post(`${versions("edges", edge)}/1/activate`), 200);
    assert.equal((await runPipeline(owner, pipeline)).output, "old new");
    expect(await owner.post(`${versions("blocks", source)}/1/activate`), 200);
    assert.equal((await runPipeline(owner, pipeline)).output, "old old");
  });
  await t.step("a block that is gone before its step runs fails the run", async () => {
    const lonely = await createBlock(owner, { kind: "inline", rows: [] });
    const small = await createPipeline(owner, [lonely]);
    const { id } = await runPipeline(owner, small);
    expect(await owner.patch(`/pipelines/${small.id}`, { blocks: [] }), 200);
    expect(await owner.delete(`/pipelines/blocks/${lonely.id}`), 204);
    const run = expect(await owner.get(`/pipelines/runs/${id}`), 200);
    assert.equal(run.steps[0].block_id, lonely.id, "what has run stays to be read");
    assert.equal(run.definition.blocks[0].name, lonely.name);
  });
});
