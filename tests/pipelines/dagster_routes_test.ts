import assert from "node:assert/strict";
import type { Stack } from "../../supabase/local/stack.ts";
import type { Answer, Body } from "../harness/answer.ts";
import { Engine } from "../harness/engine.ts";
import { expect, refused } from "../harness/expect.ts";
import { GraphqlService } from "../harness/graphql_service.ts";
import { OwnFunctions } from "../harness/own_functions.ts";
import { mintToken } from "../harness/tokens.ts";

const options = { sanitizeExit: false };
const LOCATION = { location: "edgeloom", repository: "__repository__" };

/** Functions over a stack where nobody else connects Dagster or claims runs. */
function withFunctions(
  test: (scene: { engine: Engine; functions: OwnFunctions }) => Promise<void>,
): Promise<void> {
  return Engine.with((engine) =>
    OwnFunctions.with(
      { EDGELOOM_ALLOW_PRIVATE_NETWORK: "1" },
      (functions) => test({ engine, functions }),
      engine.stack,
    )
  );
}

const asService = (functions: OwnFunctions, { secretKey }: Stack) =>
(
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> => functions.call(method, path, { apikey: secretKey, body });

Deno.test("connecting Dagster", options, async (t) => {
  await withFunctions(async ({ engine, functions }) => {
    const send = asService(functions, engine.stack);

    await t.step("an address that is not one is refused, and nothing is stored", async () => {
      const bad = [
        "not an address",
        "dagster.example.com",
        "ftp://dagster.example.com",
        "http://",
        "http://user:password@dagster.example.com",
        "https://dagster.example.com/?a=b",
        "http://[::1",
        42,
      ];
      for (const url of bad) {
        refused(await send("PUT", "/pipelines/dagster", { url }), 422, "validation_failed", [
          "url",
        ]);
      }
      await GraphqlService.with({ version: new Response("<html>") }, async ({ url }) => {
        refused(await send("PUT", "/pipelines/dagster", { url }), 422, "validation_failed", [
          "url",
        ]);
      });
      const gone = await GraphqlService.with({}, ({ url }) => Promise.resolve(url));
      const put = await send("PUT", "/pipelines/dagster", { url: gone });
      refused(put, 422, "validation_failed", ["url"]);
      assert.match(put.body.detail, /can't be reached/);
      refused(await send("GET", "/pipelines/dagster"), 404, "not_found");
    });
    await t.step("without one, no run starts on it", async () => {
      const run = {
        pipeline_id: (await engine.createPipeline(["a"], [], { executor: "dagster" })).id,
      };
      const answer = await engine.tryAsUser("start_run", run);
      assert.deepEqual([answer.status, answer.body.hint], [409, "executor_not_configured"]);
      const own = { url: "https://dagster.example.com" };
      const pipeline = await engine.createPipeline(["a"], [], {
        executor: "dagster",
        dagster_pipeline_config: own,
      });
      await engine.startRun(pipeline);
      await engine.clear();
    });
    await t.step("is asked for its version, stored, shown, replaced and taken away", async () => {
      await GraphqlService.with({ version: "1.2.3" }, async ({ url }) => {
        const connected = expect(await send("PUT", "/pipelines/dagster", { url }), 200);
        assert.deepEqual([connected.url, connected.version], [url, "1.2.3"]);
        const body = { url: `${url}/prod`, location: "other" };
        expect(await send("PUT", "/pipelines/dagster", body), 200);
        const shown = expect(await send("GET", "/pipelines/dagster"), 200);
        assert.deepEqual([shown.url, shown.location], [body.url, "other"]);
      });
      expect(await send("DELETE", "/pipelines/dagster"), 204);
      refused(await send("GET", "/pipelines/dagster"), 404, "not_found");
    });
    await t.step("is the service's alone", async () => {
      const body = { url: "https://dagster.example.com" };
      for (const method of ["PUT", "GET", "DELETE"]) {
        const sent = method === "PUT" ? { body } : {};
        const { userToken: token } = engine;
        refused(
          await functions.call(method, "/pipelines/dagster", { token, ...sent }),
          403,
          "forbidden",
        );
        refused(await functions.call(method, "/pipelines/dagster", sent), 401, "unauthorized");
      }
    });
    await t.step("a pipeline's own address is held against the same", async () => {
      const { userToken: token } = engine;
      const create = (dagster_pipeline_config: unknown) =>
        functions.call("POST", "/pipelines", {
          token,
          body: {
            name: crypto.randomUUID(),
            status: "draft",
            executor: "dagster",
            dagster_pipeline_config,
          },
        });
      const path = "dagster_pipeline_config.url";
      for (
        const url of ["not an address", "ftp://x.example.com", "http://a:b@x.example.com", null]
      ) {
        refused(await create({ url }), 422, "validation_failed", [path]);
      }
      refused(await create({ address: "x" }), 422, "validation_failed");
      const notTheirs = {
        location: "others",
        resources: {},
        tags: { "dagster-k8s/config": "{}" },
        execution: { config: { image: "mine" } },
      };
      for (const [field, value] of Object.entries(notTheirs)) {
        const { errors } = refused(await create({ [field]: value }), 422, "validation_failed");
        assert.match(errors[0].path, new RegExp(`^dagster_pipeline_config.${field}`));
      }
      await GraphqlService.with({ version: new Response("hello") }, async ({ url }) => {
        refused(await create({ url }), 422, "validation_failed", [path]);
        functions.set({ EDGELOOM_ALLOW_PRIVATE_NETWORK: "" });
        const refusal = refused(await create({ url }), 422, "validation_failed", [path]);
        assert.match(refusal.detail, /not a public address/);
        functions.set({ EDGELOOM_ALLOW_PRIVATE_NETWORK: "1" });
      });
      const gone = await GraphqlService.with({}, ({ url }) => Promise.resolve(url));
      const { id } = expect(await create({ url: gone, tags: { team: "data" } }), 201);
      const rows: Body[] = await engine.stack.query(
        "select id from public.pipelines where dagster_pipeline_config ? 'url' and status = 'draft'",
      );
      assert.deepEqual(rows, [{ id }], "one that is down is kept, the others left nothing");
      const forged = { dagster_pipeline_config: { url: "no address" } };
      const past = await engine.tryAsUser("update_pipeline", { pipeline_id: id, changes: forged });
      assert.ok(past.status >= 400, "past the function, too");
    });
  });
});

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
      refused(asked, 409, "conflict");
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
      const done = expect(await finish(fence, { succeeded: true, output: { n: 2 } }), 200);
      assert.equal(done.status, "succeeded");
      assert.equal(expect(await finish(fence, broken), 200).status, "succeeded", "that is final");
      assert.deepEqual((await engine.run(run_id)).step.b.output, { n: 2 });
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
  });
});
