import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { asService, LOCATION, withFunctions } from "../harness/dagster_access.ts";
import { expect, refused } from "../harness/expect.ts";
import { mintToken } from "../harness/tokens.ts";

const options = { sanitizeExit: false };
Deno.test("what Dagster's code location calls", options, async (t) => {
  await withFunctions(async ({ engine, functions }) => {
    const send = asService(functions, engine.stack);
    const access = { url: "http://dagster.test", ...LOCATION };
    expect(await engine.call("connect_dagster", access), 200);
    const pipeline = await engine.createPipeline(["a", "b"], [["a", "b"]], {
      executor: "dagster",
      specs: {
        a: { kind: "inline", rows: [{ n: 1 }] },
        b: { kind: "jsonata", expression: "input.n" },
      },
    });
    const run_id = await engine.startRun(pipeline);
    const pathOf = (name: string, verb: string) =>
      `/pipelines/dagster/runs/${run_id}/blocks/${pipeline.blocks[name]}/${verb}`;
    const body = { dagster_run_id: "theirs" };
    const verbs: [string, string, unknown][] = [
      ["GET", "/pipelines/dagster/snapshot", undefined],
      ["POST", pathOf("a", "execute"), body],
      ["POST", pathOf("a", "begin"), body],
      ["POST", pathOf("a", "finish"), {
        ...body,
        worker_id: run_id,
        attempt: 1,
        result: { succeeded: true, output: 1 },
      }],
    ];
    const keyOf = async (scope: string, token = engine.userToken): Promise<string> => {
      const keys = { token, body: { name: "Dagster", scopes: [scope] } };
      return expect(await functions.call("POST", "/keys", keys), 201).key;
    };

    await t.step("is refused to users, to other keys and to nobody", async () => {
      const lesser = await keyOf("pipelines:run");
      for (const [method, path, body] of verbs) {
        refused(await functions.call(method, path, { body }), 401, "unauthorized");
        refused(
          await functions.call(method, path, { body, token: engine.userToken }),
          403,
          "forbidden",
        );
        refused(
          await functions.call(method, path, { body, token: lesser }),
          403,
          "insufficient_scope",
        );
      }
      assert.equal((await engine.run(run_id)).external_id, null);
    });
    await t.step("with an organization's key tells of that organization alone", async () => {
      const id = crypto.randomUUID();
      await engine.stack.query("insert into auth.users (id, email) values ($1, $2)", [
        id,
        "b@example.com",
      ]);
      const stranger = await mintToken(id, { secret: engine.stack.jwtSecret });
      const [foreign, own] = [
        await keyOf("pipelines:admin", stranger),
        await keyOf("pipelines:admin"),
      ];
      const jobs = async (token: string) => {
        const answer = await functions.call("GET", "/pipelines/dagster/snapshot", { token });
        return expect(answer, 200).jobs.length;
      };
      assert.deepEqual([await jobs(foreign), await jobs(own)], [0, 1]);
      for (const [method, path, body] of verbs.slice(1)) {
        refused(await functions.call(method, path, { body, token: foreign }), 404, "not_found");
      }
      assert.equal((await engine.run(run_id)).external_id, null);
      const asked = await functions.call("POST", pathOf("b", "execute"), { body, token: own });
      assert.equal(expect(asked, 200).status, "waiting", "which run it is has not been heard");
    });
    await t.step("has a step executed here", async () => {
      const first = expect(await send("POST", pathOf("a", "execute"), body), 200);
      assert.deepEqual([first.status, first.attempt], ["succeeded", 1]);
      assert.deepEqual(expect(await send("POST", pathOf("a", "execute"), body), 200), first);
      const copy = await send("POST", pathOf("a", "execute"), { dagster_run_id: "copy" });
      refused(copy, 409, "conflict");
      const unknown = pathOf("a", "execute").replace(pipeline.blocks.a ?? "", run_id);
      refused(await send("POST", unknown, body), 404, "not_found");
    });
    await t.step("hands a step to a container, and takes what that made of it, once", async () => {
      const { task } = expect(await send("POST", pathOf("b", "begin"), body), 200);
      assert.deepEqual([task.input, task.attempt], [[{ n: 1 }], 1]);
      const again = expect(await send("POST", pathOf("b", "begin"), body), 200);
      assert.deepEqual([again.status, again.task], ["running", undefined]);
      const finish = (fence: Body, result: Body) =>
        send("POST", pathOf("b", "finish"), { ...body, ...fence, result });
      const { worker_id } = task;
      const forged = await finish({ worker_id: run_id, attempt: 1 }, {
        succeeded: true,
        output: 0,
      });
      assert.equal(expect(forged, 200).status, "running");
      const broken = { succeeded: false, error: { code: "x", message: "x" }, retryable: true };
      const failed = expect(await finish({ worker_id, attempt: 1 }, broken), 200);
      assert.ok(["retrying", "ready"].includes(failed.status), "after a pause of random length");
      await engine.stack.query("update public.run_steps set run_at = now()");
      const second = expect(await send("POST", pathOf("b", "begin"), body), 200).task;
      const fence = { worker_id: second.worker_id, attempt: second.attempt };
      const output = { large: "x".repeat(300_000) };
      const done = expect(await finish(fence, { succeeded: true, output }), 200);
      assert.equal(done.status, "succeeded");
      assert.equal(expect(await finish(fence, broken), 200).status, "succeeded", "that is final");
      const other = { succeeded: true, output: { large: "y".repeat(300_000) } };
      assert.equal(expect(await finish(fence, other), 200).status, "succeeded");
      const { path } = (await engine.run(run_id)).step.b.output.artifact;
      assert.ok(path.endsWith(`-2-${fence.worker_id}.json`), path);
      const { url, secretKey: apikey } = engine.stack;
      const kept = await fetch(`${url}/storage/v1/object/artifacts/${path}`, {
        headers: { apikey, authorization: `Bearer ${apikey}` },
      });
      assert.deepEqual(await kept.json(), output, "what was accepted is not overwritten");
      refused(await finish({ ...fence, attempt: 0 }, other), 422, "validation_failed", ["attempt"]);
    });
    await t.step(
      "the snapshot holds the job with its ops in order, and images that were built",
      async () => {
        const [job] = expect(await send("GET", "/pipelines/dagster/snapshot"), 200).jobs;
        assert.match(job.name, new RegExp(`^pipeline_${pipeline.id.replaceAll("-", "")}_`));
        const [a, b] = job.ops;
        assert.deepEqual([a.after, b.after], [[], [a.op]]);
        assert.deepEqual([a.kind, a.image], ["inline", null]);
      },
    );
    await t.step("the snapshot crowds nobody out, and holds what is under way", async () => {
      const names = async () => {
        const { jobs } = expect(await send("GET", "/pipelines/dagster/snapshot"), 200);
        return jobs.map(({ name }: Body) => name);
      };
      const [underWay] = await names();
      await engine.stack.query(
        `with job as (
           insert into public.dagster_jobs (organization_id, pipeline_id, name, definition, last_used_at)
           select p.organization_id, p.id, format('pipeline_%s_%s', replace(p.id::text, '-', ''), lpad(n::text, 16, '0')),
             case n when 70 then '{}' else '{"name": "n", "ops": []}' end::jsonb, now() + make_interval(mins => n)
           from public.pipelines p, generate_series(1, 70) n where p.id = $1 returning *
         ), run as (
           insert into public.pipeline_runs (organization_id, pipeline_id, trigger, definition, executor, created_by)
           select r.organization_id, r.pipeline_id, r.trigger, r.definition, r.executor, r.created_by
           from public.pipeline_runs r, job where r.id = $2 returning id
         )
         insert into public.dagster_runs (organization_id, run_id, job_id, ended_at, config)
         select j.organization_id, r.id, j.id, now(),
           case when j.name ~ '69$' then '{"url": "https://dagster.example.com"}' else '{}' end::jsonb
         from (select *, row_number() over () as n from job) j
         join (select *, row_number() over () as n from run) r on r.n = j.n`,
        [pipeline.id, run_id],
      );
      const all = await names();
      assert.equal(all[0], underWay, "whatever was used after it");
      assert.equal(all.length, 49, "50, but for one that is no job");
      const ends = all.map((name: string) => name.slice(-2));
      assert.ok(!ends.includes("69"), "on a Dagster of its own");
      assert.ok(!ends.includes("70") && ends.includes("68"));
    });
  });
});
