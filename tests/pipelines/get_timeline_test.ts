import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { parsePicture, textAreas } from "../harness/pictures.ts";
import {
  createBlock,
  createPipeline,
  createSmallPipeline,
  createVerifiedEdge,
  runPipeline,
} from "../harness/pipelines.ts";
import { withSql } from "../harness/sql.ts";
import { createTenant, type Tenant } from "../harness/tenant.ts";

const UNKNOWN = "00000000-0000-4000-8000-000000000000";

/** source → broken → after: the second block throws. */
async function runBroken({ owner }: Tenant): Promise<Body> {
  const source = await createBlock(owner, { kind: "trigger" });
  const broken = await createBlock(owner, { kind: "code", source: "throw new Error('no');" });
  const after = await createBlock(owner, { kind: "jsonata", expression: "input" });
  const edge = await createVerifiedEdge(owner);
  const pipeline = await createPipeline(owner, [source, broken, after], [
    [source, broken, edge],
    [broken, after, edge],
  ]);
  return await runPipeline(owner, pipeline);
}

const elapsed = (from: string, to: string) => Date.parse(to) - Date.parse(from);

Deno.test("get_run_timeline", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const run = await runBroken(tenant);
  const path = `/pipelines/runs/${run.id}/timeline`;
  const read = (query = "", accept = "*/*") =>
    owner.get(`${path}${query}`, { headers: { accept } });

  await t.step("tells when each step was ready, ran and ended", async () => {
    const timeline = expect(await (await tenant.user("member")).get(path), 200);
    assert.equal(timeline.run_id, run.id);
    assert.equal(timeline.pipeline_id, run.pipeline_id);
    assert.equal(timeline.name, run.definition.name);
    assert.equal(timeline.status, "failed");
    assert.equal(timeline.duration_ms, elapsed(timeline.started_at, timeline.finished_at));
    assert.equal(Date.parse(timeline.started_at), Date.parse(run.started_at));
    const [source, broken, after] = timeline.steps;
    assert.deepEqual(
      timeline.steps.map(({ step_id, status }: Body) => [step_id, status]),
      ["succeeded", "failed", "skipped"].map((status) => [
        run.steps.find((step: Body) => step.status === status).id,
        status,
      ]),
    );
    assert.equal(source.ready_at, timeline.queued_at);
    assert.equal(broken.ready_at, source.finished_at);
    assert.equal(broken.duration_ms, elapsed(broken.started_at, broken.finished_at));
    assert.equal(broken.waiting_ms, elapsed(broken.ready_at, broken.started_at));
    assert.deepEqual(
      [broken.attempts[0].started_at, broken.attempts[0].finished_at],
      [broken.started_at, broken.finished_at],
      "as the step has them, though its events come a little later",
    );
    assert.deepEqual(
      broken.attempts.map(({ attempt, status, message }: Body) => [attempt, status, message]),
      [[1, "failed", run.error.message]],
    );
    assert.deepEqual(
      [after.ready_at, after.started_at, after.duration_ms, after.waiting_ms, after.attempts],
      [null, null, null, null, []],
    );
    assert.deepEqual(timeline.critical_path, [source.step_id, broken.step_id]);
    assert.deepEqual(timeline.steps.map(({ is_critical }: Body) => is_critical), [
      true,
      true,
      false,
    ]);
  });

  await t.step("answers in the form that is asked for", async () => {
    const type = async (query: string, accept?: string) => {
      const answer = await read(query, accept);
      expect(answer, 200);
      assert.match(answer.headers.get("vary") ?? "", /accept/i);
      return answer.headers.get("content-type");
    };
    assert.equal(await type(""), "application/json");
    assert.equal(await type("", "text/html"), "application/json");
    assert.equal(await type("", "image/svg+xml"), "image/svg+xml");
    assert.equal(await type("?format=json", "image/svg+xml"), "application/json");
    assert.equal(await type("?format=svg", "application/json"), "image/svg+xml");
  });

  await t.step("draws it", async () => {
    const root = parsePicture(expect(await read("?format=svg"), 200));
    const texts = textAreas(root).map(({ name }) => name);
    assert.equal(root.children[0]?.text, run.definition.name);
    assert.match(root.children[1]?.text ?? "", /^failed, started .+ UTC after .+ in the queue/);
    for (const text of ["succeeded 1", "failed 1", "skipped 1", "critical path", "skipped"]) {
      assert.ok(texts.includes(text), `${text}: ${texts.join(", ")}`);
    }
  });

  await t.step("a run that has not started waits", async () => {
    const pipeline = await createSmallPipeline(owner);
    const id = await insertRun(tenant, pipeline, "10 seconds");
    const timeline = expect(await owner.get(`/pipelines/runs/${id}/timeline`), 200);
    assert.equal(timeline.started_at, null);
    assert.equal(timeline.duration_ms, null);
    assert.deepEqual(timeline.critical_path, []);
    assert.ok(timeline.steps[0].waiting_ms >= 10_000);
    const svg = expect(await owner.get(`/pipelines/runs/${id}/timeline?format=svg`), 200);
    assert.match(svg, /not started/);
    assert.match(svg, /in the queue so far/);
  });

  await t.step("more rows than the Data API passes at once are all there", async () => {
    const pipeline = await createSmallPipeline(owner);
    const id = await insertRun(tenant, pipeline, "10 seconds", 1001);
    const { steps } = expect(await owner.get(`/pipelines/runs/${id}/timeline`), 200);
    assert.equal(new Set(steps.map(({ step_id }: Body) => step_id)).size, 1001);
    const svg = expect(await owner.get(`/pipelines/runs/${id}/timeline?format=svg`), 200);
    assert.match(svg, /and 801 steps/);
  });

  await t.step("knows no other ids and no other forms", async () => {
    refused(await owner.get(`/pipelines/runs/${UNKNOWN}/timeline`), 404, "not_found");
    refused(await owner.get("/pipelines/runs/x/timeline"), 404, "not_found");
    for (const format of ["png", "mermaid", ""]) {
      refused(await read(`?format=${format}`), 422, "validation_failed", ["query.format"]);
    }
  });

  await t.step("is refused to", (t) => attack(t, { tenant, method: "GET", path }));
});

/** A run that was queued this long ago, and whose steps no worker takes: they are ready tomorrow. */
async function insertRun(
  { organizationId, owner }: Tenant,
  pipeline: Body,
  age: string,
  steps = 1,
): Promise<string> {
  return await withSql(async (sql) => {
    const [run] = await sql`
      insert into public.pipeline_runs (organization_id, pipeline_id, definition, created_by, created_at)
      values (${organizationId}, ${pipeline.id}, ${sql.json({ name: pipeline.name })}, ${owner.id},
        now() - ${age}::interval)
      returning id`;
    await sql`
      insert into public.run_steps (organization_id, run_id, block_id, block_version_id, name, status, run_at)
      select ${organizationId}, ${run?.id}, gen_random_uuid(), gen_random_uuid(), 'step ' || n, 'ready', now() + interval '1 day'
      from generate_series(1, ${steps}::integer) n`;
    return run?.id;
  });
}
