import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { describeBlock, describeEdge } from "../harness/catalog.ts";
import { rest } from "../harness/client.ts";
import { expect } from "../harness/expect.ts";
import { stack } from "../harness/stack.ts";
import { createTenant, type Tenant, type User } from "../harness/tenant.ts";

/** Whoever embeds texts works with the secret key; these vectors stand for a model's. */
const MODEL = "test-embedding-3";
const VECTORS: Record<string, number[]> = {
  precipitation: [1, 0, 0],
  downpour: [0.9, 0.1, 0],
  invoices: [0, 0, 1],
};

const service = (path: string, body: unknown) =>
  rest("POST", path, { apikey: stack.secretKey, token: stack.secretKey, body });

/** What there is to embed of one organization. */
async function stale({ organizationId }: Tenant, model = MODEL): Promise<Body[]> {
  const body = { model, max_rows: 1000 };
  const rows: Body[] = expect(await service("/rpc/stale_representations", body), 200);
  return rows.filter(({ organization_id }) => organization_id === organizationId);
}

async function save(rows: Body[], vectors = VECTORS): Promise<number> {
  const items = rows.map(({ entity_type, entity_id, content, text_hash }) => ({
    entity_type,
    entity_id,
    text_hash,
    embedding: vectors[content],
  }));
  return expect(await service("/rpc/save_representations", { model: MODEL, items }), 200);
}

async function findByMeaning(
  user: User,
  embedding: number[],
  more: Record<string, unknown> = {},
): Promise<[string, string[]][]> {
  const { organizationId: organization_id } = user;
  const body = { q: "zzz", organization_id, embedding, model: MODEL, ...more };
  const rows: Body[] = expect(await user.rest("POST", "/rpc/search_registry", body), 200);
  return rows.map(({ name, matched }) => [name, matched]);
}

Deno.test("vectors are asked for, kept, searched, and void when the text changes", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const rain = await describeBlock(owner, "precipitation");
  await describeEdge(owner, "downpour");
  await describeBlock(owner, "invoices");

  await t.step("what has no vector yet is asked for", async () => {
    const rows = await stale(tenant);
    assert.deepEqual(
      rows.map(({ content }) => content).toSorted(),
      Object.keys(VECTORS).toSorted(),
    );
    assert.deepEqual(await findByMeaning(owner, [1, 0, 0]), []);
    assert.equal(await save(rows), 3);
    assert.deepEqual(await stale(tenant), []);
  });
  await t.step("the nearest comes first, and what is far off not at all", async () => {
    assert.deepEqual(await findByMeaning(owner, [1, 0, 0]), [
      ["precipitation", ["meaning"]],
      ["downpour", ["meaning"]],
    ]);
    assert.equal((await findByMeaning(owner, [0, 0.1, 1]))[0]?.[0], "invoices");
  });
  await t.step("meaning and words add up", async () => {
    const [first] = await findByMeaning(owner, [1, 0, 0], { q: "downpour" });
    assert.deepEqual(first, ["downpour", ["meaning", "name", "text"]]);
  });
  await t.step("filters hold", async () => {
    const found = await findByMeaning(owner, [1, 0, 0], { type: "edge" });
    assert.deepEqual(found, [["downpour", ["meaning"]]]);
  });
  await t.step("vectors of another model or length are not compared", async () => {
    assert.deepEqual(await findByMeaning(owner, [1, 0, 0], { model: "another" }), []);
    assert.deepEqual(await findByMeaning(owner, [1, 0]), []);
    assert.equal((await stale(tenant, "another")).length, 3);
  });
  await t.step(
    "a text that changed is found by its words alone, until it is embedded",
    async () => {
      const [before] = await stale(tenant, "another");
      assert.ok(before);
      expect(await owner.patch(`/pipelines/blocks/${rain.id}`, { name: "sunshine" }), 200);
      const names = (await findByMeaning(owner, [1, 0, 0])).map(([name]) => name);
      assert.deepEqual(names, ["downpour"]);
      const [row] = await stale(tenant);
      assert.equal(row.content, "sunshine");
      expect(await owner.patch(`/pipelines/blocks/${rain.id}`, { name: "dry spell" }), 200);
      assert.equal(await save([row], { sunshine: [0, 1, 0] }), 0, "it was of an earlier text");
      const fresh = await stale(tenant);
      assert.equal(await save(fresh, { "dry spell": [0, 1, 0] }), 1);
      assert.equal((await findByMeaning(owner, [0, 1, 0]))[0]?.[0], "dry spell");
    },
  );
  await t.step("another change than of the text keeps it", async () => {
    const spec = { kind: "inline", rows: [1] };
    expect(await owner.post(`/pipelines/blocks/${rain.id}/versions`, { spec }), 201);
    assert.deepEqual(await stale(tenant), []);
  });
  await t.step("no other tenant finds them, nor does a client write them", async () => {
    const stranger = await tenant.stranger();
    assert.deepEqual(await findByMeaning(stranger, [1, 0, 0]), []);
    const theirs = { organization_id: tenant.organizationId, q: "downpour" };
    const leak = await stranger.rest("POST", "/rpc/search_registry", theirs);
    assert.ok(leak.status >= 400 && !JSON.stringify(leak.body).includes("precip"));
    for (const command of ["stale_representations", "save_representations"]) {
      const answer = await owner.rest("POST", `/rpc/${command}`, { model: MODEL, items: [] });
      assert.ok(answer.status >= 400, `${command} answered ${answer.status}`);
    }
  });
});
