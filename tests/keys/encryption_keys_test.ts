import assert from "node:assert/strict";
import { expect, refused } from "../harness/expect.ts";
import { rowOf } from "../harness/hostile.ts";
import { keyRing, OwnFunctions } from "../harness/own_functions.ts";
import { createSmallPipeline, waitForRun } from "../harness/pipelines.ts";
import { newProviderKey } from "../harness/provider.ts";
import { sql } from "../harness/sql.ts";
import { createTenant } from "../harness/tenant.ts";
import { standardHeaders } from "../harness/webhooks.ts";

const bytes = (count: number) => btoa("k".repeat(count));

const UNUSABLE: Record<string, string> = {
  "missing": "",
  "not JSON": bytes(32),
  "an empty object": "{}",
  "an array": JSON.stringify([bytes(32)]),
  "wrong base64": JSON.stringify({ 1: "k*k=" }),
  "31 bytes": JSON.stringify({ 1: bytes(31) }),
  "version 0": JSON.stringify({ 0: bytes(32) }),
  "the old one gone": keyRing(2),
};

Deno.test("without usable encryption keys, what needs them is 503 and stores nothing; the rest works", async (t) => {
  await OwnFunctions.with({}, async (functions) => {
    const { owner, organizationId } = await createTenant();
    const as = (method: string, path: string, body?: unknown) =>
      functions.send(owner, method, path, body);
    const pipeline = await createSmallPipeline(owner);
    const key = newProviderKey();
    const put = expect(await as("PUT", "/keys/providers/openai", { key }), 200);
    const triggers = `/pipelines/${pipeline.id}/triggers`;
    const webhook = expect(await as("POST", triggers, { type: "webhook" }), 201);
    const deliver = () => {
      const options = { apikey: "", rawBody: "{}", headers: standardHeaders(webhook, "{}") };
      return functions.call("POST", `/pipelines/hooks/${webhook.id}`, options);
    };
    const stored = async () => {
      const [row] = await sql`select
        (select count(*)::int from public.provider_keys where organization_id = ${organizationId}) as keys,
        (select count(*)::int from public.pipeline_triggers where organization_id = ${organizationId}) as triggers,
        (select count(*)::int from public.trigger_secrets where organization_id = ${organizationId}) as secrets,
        (select count(*)::int from public.pipeline_runs where organization_id = ${organizationId}) as runs`;
      return { ...row, put: await rowOf("provider_keys", put.id) };
    };

    for (const [name, json] of Object.entries(UNUSABLE)) {
      const isGone = name === "the old one gone";
      functions.set({ EDGELOOM_ENCRYPTION_KEYS: json });
      await t.step(`${name}: 503`, async () => {
        const before = await stored();
        const service = { apikey: functions.project.secretKey };
        const answers = [
          await as("POST", `/keys/providers/${put.id}/verify`),
          await deliver(),
          // With a newer key alone, new secrets can be written: only old ones can't be read.
          ...(isGone ? [] : [
            await as("PUT", "/keys/providers/openai", { key: newProviderKey() }),
            await as("PUT", "/keys/providers/mistral", { key: newProviderKey() }),
            await as("POST", triggers, { type: "webhook" }),
            await as("POST", triggers, {
              type: "webhook",
              scheme: "github",
              secret: newProviderKey(),
            }),
            await functions.call("POST", "/keys/providers/reencrypt", service),
          ]),
        ];
        for (const answer of answers) {
          const { detail } = refused(answer, 503, "encryption_not_configured");
          assert.match(detail, /^EDGELOOM_ENCRYPTION_KEYS /);
        }
        assert.deepEqual(await stored(), before);
      });
      await t.step(`${name}: the rest works`, async () => {
        const listed = expect(await as("GET", "/keys/providers"), 200).data;
        assert.deepEqual(listed.map(({ id }: { id: string }) => id), [put.id]);
        const scopes = ["keys:read", "keys:write", "pipelines:run", "pipelines:read"];
        const issued = expect(await as("POST", "/keys", { name: "A key", scopes }), 201);
        const withKey = { token: issued.key };
        expect(await functions.call("GET", "/keys", withKey), 200);
        expect(await functions.call("POST", `/keys/${issued.id}/rotate`, withKey), 201);
        const none = expect(await as("POST", triggers, { type: "webhook", scheme: "none" }), 201);
        const options = { apikey: "", rawBody: "{}" };
        const run = expect(
          await functions.call("POST", `/pipelines/hooks/${none.id}`, options),
          202,
        );
        assert.equal((await waitForRun(owner, run.id)).status, "succeeded");
        expect(await functions.call("GET", "/keys/health"), 200);
      });
    }

    await t.step("once they are there, everything is as before", async () => {
      functions.set({ EDGELOOM_ENCRYPTION_KEYS: keyRing(1) });
      expect(await deliver(), 202);
      expect(await as("DELETE", `/keys/providers/${put.id}`), 204);
    });
  });
});

Deno.test("a webhook's secret in another row checks no signature", () =>
  OwnFunctions.with({}, async (functions) => {
    const [one, other] = await Promise.all([createTenant(), createTenant()]);
    const webhooks = await Promise.all([one, one, other].map(async ({ owner }) => {
      const { id } = await createSmallPipeline(owner);
      const body = { type: "webhook" };
      return expect(await functions.send(owner, "POST", `/pipelines/${id}/triggers`, body), 201);
    }));
    const { id } = expect(
      await functions.send(one.owner, "PUT", "/keys/providers/openai", { key: newProviderKey() }),
      200,
    );
    const deliver = (webhook: { id: string; secret: string }) => {
      const options = { apikey: "", rawBody: "{}", headers: standardHeaders(webhook, "{}") };
      return functions.call("POST", `/pipelines/hooks/${webhook.id}`, options);
    };
    const [first, colleague, stranger] = webhooks;
    for (const second of [colleague, stranger]) {
      const swap = () =>
        sql`update public.trigger_secrets s set ciphertext = o.ciphertext from public.trigger_secrets o
          where (s.trigger_id, o.trigger_id) in ((${first.id}, ${second.id}), (${second.id}, ${first.id}))`;
      await swap();
      for (const webhook of [first, second]) {
        refused(await deliver(webhook), 401, "invalid_signature");
        // Nor does the secret that came with the ciphertext open the other webhook.
        const { secret } = webhook === first ? second : first;
        refused(await deliver({ ...webhook, secret }), 401, "invalid_signature");
      }
      await swap();
      for (const webhook of [first, second]) expect(await deliver(webhook), 202);
    }
    // Nor is a webhook's secret a provider's key, or the other way round.
    await sql`update public.provider_keys p set ciphertext = s.ciphertext from public.trigger_secrets s
      where p.id = ${id} and s.trigger_id = ${first.id}`;
    refused(
      await functions.send(one.owner, "POST", `/keys/providers/${id}/verify`),
      409,
      "conflict",
    );
  }));
