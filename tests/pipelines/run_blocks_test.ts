import assert from "node:assert/strict";
import { call } from "../harness/client.ts";
import { readEvents } from "../harness/events.ts";
import { expect, refused } from "../harness/expect.ts";
import {
  countRuns,
  createBlock,
  createPipeline,
  runPair,
  runPipeline,
  startRun,
  waitForRun,
} from "../harness/pipelines.ts";
import { sql } from "../harness/sql.ts";
import { stack } from "../harness/stack.ts";
import { download, uploadDataset } from "../harness/storage.ts";
import { createTenant, type User } from "../harness/tenant.ts";
import { waitFor } from "../harness/wait.ts";
import { createTrigger, deliver } from "../harness/webhooks.ts";

const CSV = "city,rain,wet\nSeattle,4.5,true\nPhoenix,0,false\n";
const ROWS = [
  { city: "Seattle", rain: 4.5, wet: true },
  { city: "Phoenix", rain: 0, wet: false },
];
const identity = { kind: "identity" };

/** Runs one block by itself. */
const runBlock = async (
  user: User,
  ...block: Parameters<typeof createBlock> extends [User, ...infer R] ? R : never
) => runPipeline(user, await createPipeline(user, [await createBlock(user, ...block)]));

Deno.test("blocks that are read", async (t) => {
  const { owner } = await createTenant();

  await t.step("inline", async () => {
    const run = await runBlock(owner, { kind: "inline", rows: ROWS });
    assert.equal(run.status, "succeeded");
    assert.deepEqual(run.output, ROWS);
  });
  await t.step("trigger is the run's input, whatever JSON it is", async () => {
    const pipeline = await createPipeline(owner, [await createBlock(owner, { kind: "trigger" })]);
    for (const input of [{ a: [1] }, [], 7, 0, true, false, null]) {
      const run = await runPipeline(owner, pipeline, { input });
      assert.deepEqual(run.input, input);
      assert.deepEqual(run.output, input);
    }
  });
  await t.step("trigger keeps an input that is a text a text", async () => {
    const pipeline = await createPipeline(owner, [await createBlock(owner, { kind: "trigger" })]);
    for (const input of ["rain", "12", "true", ""]) {
      assert.equal((await runPipeline(owner, pipeline, { input })).output, input);
    }
  });
  await t.step("storage, uploaded with the user's own token", async () => {
    for (
      const [format, text] of [
        ["csv", CSV],
        ["json", JSON.stringify(ROWS)],
        ["ndjson", ROWS.map((row) => JSON.stringify(row)).join("\n")],
      ] as const
    ) {
      const path = await uploadDataset(owner, `weather.${format}`, text);
      const run = await runBlock(owner, { kind: "storage", bucket: "datasets", path, format });
      assert.deepEqual(run.output, ROWS, format);
    }
  });
  await t.step("a CSV with a broken row names its line", async () => {
    const path = await uploadDataset(owner, "broken.csv", `${CSV}Miami,1\n`);
    const run = await runBlock(owner, { kind: "storage", bucket: "datasets", path, format: "csv" });
    assert.equal(run.status, "failed");
    assert.equal(run.error.code, "csv_invalid");
    assert.match(run.error.message, /line 4/);
    assert.equal(run.error.position.line, 4);
  });
  await t.step("an object that is not there, or is another tenant's", async () => {
    const missing = `${owner.organizationId}/nothing.csv`;
    const stranger = await (await createTenant()).owner;
    const foreign = await uploadDataset(stranger, "secret.csv", CSV);
    for (const path of [missing, foreign]) {
      const run = await runBlock(owner, {
        kind: "storage",
        bucket: "datasets",
        path,
        format: "csv",
      });
      assert.equal(run.status, "failed");
      assert.equal(run.error.code, "object_not_found");
    }
  });
  await t.step("http to a private address is refused", async () => {
    const addresses = [
      stack.url,
      "http://localhost:1/",
      "http://169.254.169.254/latest/meta-data",
      "http://[::1]/",
      "http://10.0.0.1/",
      "http://2130706433/",
    ];
    const dataset = { block_type: "dataset" } as const;
    for (const url of addresses) {
      const read = await runBlock(owner, { kind: "http", url, format: "json" }, dataset);
      assert.equal(read.error.code, "network_address_refused", url);
      const called = await runBlock(owner, { kind: "http", url });
      assert.equal(called.error.code, "network_address_refused", url);
      assert.equal(called.steps[0].attempt, 1, "it is not tried again");
    }
  });
});

Deno.test("blocks that compute", async (t) => {
  const { owner } = await createTenant();
  const source = await createBlock(owner, { kind: "inline", rows: ROWS });
  const run = async (spec: { kind: string; [key: string]: unknown }) =>
    runPair(owner, source, identity, await createBlock(owner, spec));
  const fails = async (spec: { kind: string; [key: string]: unknown }, code: string) => {
    const { status, error } = await run(spec);
    assert.equal(status, "failed");
    assert.equal(error.code, code);
    return error;
  };

  await t.step("jsonata", async () => {
    const { output } = await run({ kind: "jsonata", expression: "$sum(input.rain)" });
    assert.equal(output, 4.5);
  });
  await t.step("code", async () => {
    const { output } = await run({ kind: "code", source: "return input.map((row) => row.city);" });
    assert.deepEqual(output, ["Seattle", "Phoenix"]);
  });
  await t.step("a jsonata error tells its message and position", async () => {
    const error = await fails(
      { kind: "jsonata", expression: "$sum(\n  input.city)" },
      "jsonata_T0412",
    );
    assert.equal(typeof error.position.offset, "number");
    assert.match(error.message, /position \d+/);
    const unparsed = await fails({ kind: "jsonata", expression: "input[" }, "jsonata_S0203");
    assert.ok(unparsed.position.offset >= 5);
  });
  await t.step("an error of the code tells its message and line", async () => {
    const source = "const rows = input;\nreturn rows.nothing.here;";
    const error = await fails({ kind: "code", source }, "code_runtime");
    assert.match(error.message, /undefined/);
    assert.equal(error.position.line, 2);
    const syntax = await fails({ kind: "code", source: "return 1;\nlet = ;" }, "code_syntax");
    assert.equal(syntax.position.line, 2);
  });
  await t.step("an endless loop and a memory hog are stopped and reported", async () => {
    await fails({ kind: "code", source: "while (true) {}" }, "code_timeout");
    const hog = "const all = []; while (true) all.push(new Array(100000).fill(0));";
    await fails({ kind: "code", source: hog }, "code_memory");
    const error = await fails({
      kind: "jsonata",
      expression: "($f := function($n) { $f($n) }; $f(1))",
    }, "jsonata_D1012");
    assert.ok(error.message);
  });
  await t.step("a model that nobody serves", async () => {
    await fails({ kind: "llm", model: "m", prompt: "p" }, "model_not_found");
    await fails({ kind: "embedding", model: "m", field: "city" }, "model_not_found");
  });
  await t.step("the failed step names its block in the run's error", async () => {
    const block = await createBlock(owner, { kind: "code", source: "throw new Error('no');" });
    const { error, step } = await runPair(owner, source, identity, block);
    assert.equal(error.block_id, block.id);
    assert.equal(error.block, block.name);
    assert.equal(step[block.name].error.message, error.message);
  });
});

Deno.test("what may pass by itself is tried again, and fails when it does not pass", async () => {
  const { owner } = await createTenant();
  const block = await createBlock(owner, { kind: "http", url: "http://nowhere.invalid/" });
  const { id } = await startRun(owner, await createPipeline(owner, [block]));
  const run = await waitFor(async () => {
    // Nobody waits for the backoff: it is over now, and a worker looks.
    await sql`update public.run_steps set run_at = now() where run_id = ${id} and status = 'ready'`;
    expect(await call("POST", "/pipelines/worker", { apikey: stack.secretKey }), 200);
    const { body } = await owner.get(`/pipelines/runs/${id}`);
    return body.finished_at !== null && body;
  });
  assert.equal(run.status, "failed");
  assert.equal(run.error.code, "network_unreachable");
  assert.equal(run.steps[0].attempt, 3);
  const events = (await readEvents(owner, id)).map(({ event }) => event);
  assert.equal(events.filter((event) => event === "step.retrying").length, 2);
  assert.equal(events.filter((event) => event === "step.started").length, 3);
});

Deno.test("a storage dataset behind an edge is written", async () => {
  const { owner } = await createTenant();
  const source = await createBlock(owner, { kind: "inline", rows: ROWS });
  const path = `${owner.organizationId}/out/weather.csv`;
  const spec = { kind: "storage", bucket: "datasets", path, format: "csv" };
  const target = await createBlock(owner, spec);
  const run = await runPair(owner, source, identity, target);
  assert.deepEqual(run.output, { bucket: "datasets", path, format: "csv", rows: 2 });
  // jsonb keeps no order of keys, so the columns may come in another one.
  const lines = expect(await download(owner, "datasets", path), 200).trim().split("\n");
  const cells = lines.map((line: string) => line.split(",").toSorted());
  assert.deepEqual(cells, CSV.trim().split("\n").map((line) => line.split(",").toSorted()));
  assert.deepEqual((await runBlock(owner, spec)).output, ROWS);

  const foreign = `${crypto.randomUUID()}/weather.csv`;
  const outside = await createBlock(owner, { ...spec, path: foreign });
  const refused = await runPair(owner, source, identity, outside);
  assert.equal(refused.error.code, "storage_failed");
});

Deno.test("a webhook of one who has left starts nothing", async () => {
  const tenant = await createTenant();
  const admin = await tenant.user("admin");
  const path = await uploadDataset(admin, "weather.csv", CSV);
  const spec = { kind: "storage", bucket: "datasets", path, format: "csv" };
  const pipeline = await createPipeline(admin, [await createBlock(admin, spec)]);
  const trigger = await createTrigger(admin, pipeline, "none");
  const { id } = expect(await deliver(trigger, "{}"), 202);
  assert.deepEqual((await waitForRun(tenant.owner, id)).output, ROWS);

  await sql`delete from public.memberships where user_id = ${admin.id}`;
  refused(await deliver(trigger, "{}"), 403, "forbidden");
  assert.equal(await countRuns(pipeline.id), 1);
});
