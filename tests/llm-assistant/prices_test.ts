import { PROVIDERS } from "@shared/providers.ts";
import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { sql } from "../harness/sql.ts";
import { createTenant } from "../harness/tenant.ts";

const PATH = "/llm-assistant/prices";
const body = (model: string, fields: Record<string, unknown> = {}) => ({
  provider: "openai",
  model,
  input_price: 2,
  output_price: 8,
  ...fields,
});

Deno.test("match_model_price", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const member = await tenant.user("member");
  const match = (model: string, provider = "openai", input_tokens = 0) =>
    member.get(
      `${PATH}/match?${new URLSearchParams({ provider, model, input_tokens: `${input_tokens}` })}`,
    );
  const found = async (model: string, provider?: string, tokens?: number): Promise<Body> =>
    expect(await match(model, provider, tokens), 200);

  await t.step("the exact name, else a dated variant", async () => {
    assert.equal((await found("gpt-4o")).input_price, 2.5);
    assert.equal((await found("gpt-4o-2024-08-06")).model, "gpt-4o");
    assert.equal((await found("gpt-4o-2024-05-13")).input_price, 5);
    assert.equal((await found("gpt-4o-mini-2024-07-18")).model, "gpt-4o-mini");
    assert.equal(
      (await found("claude-sonnet-4-5-20250929", "anthropic")).model,
      "claude-sonnet-4-5",
    );
    assert.equal((await found("models/gemini-2.5-flash", "gemini")).model, "gemini-2.5-flash");
    assert.equal((await found("text-embedding-3-small")).output_price, 0);
  });
  await t.step("another model that begins so is not the same", async () => {
    for (const model of ["gpt-4o-audio-preview", "gpt-4o-", "gpt-4", "o3-deep-research"]) {
      const answer = await match(model);
      if (model === "gpt-4") assert.equal(expect(answer, 200).model, "gpt-4");
      else refused(answer, 404, "not_found");
    }
    refused(await match("gpt-4o", "nobody"), 404, "not_found");
  });
  await t.step("long contexts have their own price", async () => {
    assert.equal((await found("gpt-5.5", "openai", 272_000)).input_price, 5);
    assert.equal((await found("gpt-5.5-2026-04-23", "openai", 272_001)).input_price, 10);
  });
  await t.step("the local model is free", async () => {
    const { input_price, output_price } = await found("anything", "demo");
    assert.deepEqual([input_price, output_price], [0, 0]);
  });
  await t.step("an organization's own goes before the platform's, for it alone", async () => {
    expect(await owner.post(PATH, body("gpt-4o", { input_price: 1.5 })), 201);
    assert.equal((await found("gpt-4o")).input_price, 1.5);
    assert.equal(
      (await found("gpt-4o-2024-08-06")).input_price,
      2.5,
      "a name that it doesn't name",
    );
    const stranger = await tenant.stranger();
    const theirs = expect(await stranger.get(`${PATH}/match?provider=openai&model=gpt-4o`), 200);
    assert.equal(theirs.input_price, 2.5);
  });
  await t.step("the longest beginning of a name wins", async () => {
    expect(await owner.post(PATH, body("*", { provider: "local", input_price: 0 })), 201);
    expect(await owner.post(PATH, body("big", { provider: "local", variants: ["big-*"] })), 201);
    expect(await owner.post(PATH, body("big-one-*", { provider: "local", input_price: 3 })), 201);
    assert.equal((await found("small", "local")).input_price, 0);
    assert.equal((await found("big-two", "local")).input_price, 2);
    assert.equal((await found("big-one-2", "local")).input_price, 3);
  });
  await t.step("is refused to", (t) =>
    attack(t, {
      tenant,
      method: "GET",
      path: `${PATH}/match?provider=openai&model=gpt-4.1`,
      stranger: "own",
    }));
});

Deno.test("the platform's list", async () => {
  const rows = await sql`select * from public.model_prices where organization_id is null`;
  for (const provider of ["openai", "anthropic", "gemini", "mistral", "groq"]) {
    assert.ok(PROVIDERS.has(provider));
    assert.ok(rows.some((row) => row.provider === provider), provider);
  }
  for (const row of rows) {
    assert.match(row.source, /^https:\/\/|local stack/, row.model);
    assert.ok(row.as_of <= new Date("2026-11-21"), `${row.model} is from ${row.as_of}`);
    const { cached_input_price, input_price } = row;
    assert.ok(
      cached_input_price === null || Number(cached_input_price) < Number(input_price),
      row.model,
    );
  }
});

Deno.test("list_model_prices, create_, get_, update_ and delete_model_price", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const member = await tenant.user("member");
  const price = expect(await owner.post(PATH, body("ours", { source: "Our contract" })), 201);
  const path = `${PATH}/${price.id}`;

  await t.step("create", () => {
    assert.equal(price.organization_id, tenant.organizationId);
    assert.deepEqual([price.input_price, price.cached_input_price, price.output_price], [
      2,
      null,
      8,
    ]);
    assert.match(price.as_of, /^\d{4}-\d\d-\d\d$/);
  });
  await t.step("list: the platform's and one's own, a page at a time", async () => {
    const models = new Set<string>();
    let cursor = "";
    for (let page = 0; page < 20; page++) {
      const query = `limit=20${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
      const { data, next_cursor } = expect(await member.get(`${PATH}?${query}`), 200);
      for (const { id } of data) models.add(id);
      if (next_cursor === null) break;
      cursor = next_cursor;
    }
    const [row] = await sql`select count(*)::int as rows from public.model_prices
      where organization_id is null or organization_id = ${tenant.organizationId}`;
    assert.equal(models.size, row?.rows);
    const own = expect(await member.get(`${PATH}?own=true`), 200);
    assert.deepEqual(own.data.map(({ id }: Body) => id), [price.id]);
    const gpt = expect(await member.get(`${PATH}?provider=openai&model=gpt-4o`), 200);
    assert.deepEqual(gpt.data.map(({ input_price }: Body) => input_price), [2.5]);
    assert.match(gpt.data[0].source, /^https:/);
  });
  await t.step("update and get", async () => {
    const changed = expect(
      await owner.patch(path, { output_price: 7.25, as_of: "2026-11-01" }),
      200,
    );
    assert.deepEqual([changed.output_price, changed.as_of], [7.25, "2026-11-01"]);
    assert.deepEqual(expect(await member.get(path), 200), changed);
  });
  await t.step("refuses", async () => {
    refused(await owner.post(PATH, body("ours")), 409, "conflict");
    const wrong = async (fields: Record<string, unknown>, field: string) =>
      refused(await owner.post(PATH, body("x", fields)), 422, "validation_failed", [field]);
    await wrong({ input_price: -1 }, "input_price");
    await wrong({ output_price: null }, "output_price");
    await wrong({ provider: "Open AI" }, "provider");
    await wrong({ model: "" }, "model");
    await wrong({ as_of: "yesterday" }, "as_of");
    refused(await owner.patch(path, { model: "other" }), 422, "validation_failed");
  });
  await t.step("the platform's own can't be changed", async () => {
    const [row] =
      await sql`select id from public.model_prices where organization_id is null limit 1`;
    refused(await owner.patch(`${PATH}/${row?.id}`, { input_price: 0 }), 403, "forbidden");
    refused(await owner.delete(`${PATH}/${row?.id}`), 403, "forbidden");
    const forged = { organization_id: null, ...body("forged") };
    assert.equal((await owner.rest("POST", "/model_prices", forged)).status, 403);
  });
  await t.step(
    "the list is refused to",
    (t) => attack(t, { tenant, method: "GET", path: PATH, stranger: "own" }),
  );
  await t.step("POST is refused to", (t) =>
    attack(t, {
      tenant,
      method: "POST",
      path: PATH,
      body: body("attacked"),
      minimumRole: "admin",
      stranger: "own",
    }));
  for (
    const [method, body] of [["GET"], ["PATCH", { input_price: 0 }], ["DELETE"]] as const
  ) {
    const minimumRole = method === "GET" ? "member" : "admin";
    await t.step(
      `${method} is refused to`,
      (t) => attack(t, { tenant, method, path, body, minimumRole }),
    );
  }
  await t.step("delete", async () => {
    expect(await owner.delete(path), 204);
    refused(await owner.get(path), 404, "not_found");
  });
});
