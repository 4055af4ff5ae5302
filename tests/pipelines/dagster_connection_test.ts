import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { asService, withFunctions } from "../harness/dagster_access.ts";
import { expect, refused } from "../harness/expect.ts";
import { GraphqlService } from "../harness/graphql_service.ts";

const options = { sanitizeExit: false };
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
        "https://dagster.example.com\\@example.org",
        "https://dagster.example.com/\\..",
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
      const strange = [
        () => new Response(null, { status: 302, headers: { location: "/elsewhere" } }),
        () => new Response("x".repeat(1024 * 1024 + 1)),
      ];
      for (const version of strange) {
        await GraphqlService.with({ version }, async ({ url }) => {
          refused(await create({ url }), 422, "validation_failed", [path]);
        });
      }
      refused(await create({ url: "http://dagster.invalid" }), 422, "validation_failed", [path]);
      const gone = await GraphqlService.with({}, ({ url }) => Promise.resolve(url));
      const { id } = expect(await create({ url: gone, tags: { team: "data" } }), 201);
      const rows: Body[] = await engine.stack.query(
        "select id from public.pipelines where dagster_pipeline_config ? 'url' and status = 'draft'",
      );
      assert.deepEqual(rows, [{ id }], "one that is down is kept, the others left nothing");
      for (const url of ["no address", "https://dagster.example.com\\@example.org"]) {
        const changes = { dagster_pipeline_config: { url } };
        const past = await engine.tryAsUser("update_pipeline", { pipeline_id: id, changes });
        assert.ok(past.status >= 400, "past the function, too");
      }
    });
  });
});
