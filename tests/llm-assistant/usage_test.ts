import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { issueKey, keyOf } from "../harness/keys.ts";
import { sql } from "../harness/sql.ts";
import { createTenant, type Tenant } from "../harness/tenant.ts";
import { backdate, pricedModel, spend } from "../harness/usage.ts";
import { parseXml } from "../harness/xml.ts";

const PATH = "/llm-assistant/usage";

/** Puts a call on another day. */
const move = (id: string, day: string) => backdate(id, new Date(`${day}T12:00:00Z`));

/** A tenant with calls on two days, by two users, of two models. */
async function withUsage() {
  const tenant = await createTenant();
  const { owner } = tenant;
  const member = await tenant.user("member");
  const [cheap, dear] = [await pricedModel(owner), await pricedModel(owner)];
  const key = await issueKey(member, undefined, { name: "Bot" });
  const tokens = { input_tokens: 1_000_000, cached_tokens: 500_000, output_tokens: 500_000 };
  await move(await spend(owner, cheap, {}, { ...tokens, reasoning_tokens: 100_000 }), "2026-03-02");
  await move(await spend(owner, dear, {}, { ...tokens, status: "partial" }), "2026-03-04");
  await move(await spend(member, dear, { api_key_id: key.id }), "2026-03-04");
  await move(await spend(member, "unpriced", {}, { is_estimated: true }), "2026-03-04");
  const nothing = { status: "failed", input_tokens: 0, error_code: "provider_error" } as const;
  await move(await spend(member, cheap, {}, nothing), "2026-03-04");
  return { tenant, owner, member, cheap, dear, key };
}

const RANGE = "from=2026-03-01&to=2026-04-01";

Deno.test("get_usage", async (t) => {
  const { tenant, owner, member, cheap, dear, key } = await withUsage();
  const read = async (query: string, reader = owner): Promise<Body> =>
    expect(await reader.get(`${PATH}?${RANGE}&${query}`), 200);
  const costs = (usage: Body, name: string) =>
    usage.data.map((group: Body) => [group[name], group.calls, group.cost]);

  await t.step("by day, with totals", async () => {
    const usage = await read("group_by=day");
    assert.deepEqual(costs(usage, "day"), [["2026-03-02", 1, 2], ["2026-03-04", 4, 3]]);
    assert.deepEqual(usage.totals, {
      calls: 5,
      failed: 1,
      input_tokens: 4_000_000,
      cached_tokens: 1_000_000,
      output_tokens: 1_000_000,
      reasoning_tokens: 100_000,
      cost: 5,
      unpriced_calls: 1,
      estimated_calls: 1,
    });
    assert.equal(usage.groups, 2);
    assert.deepEqual(expect(await owner.get(`${PATH}?${RANGE}`), 200), usage, "a day unless told");
  });
  await t.step("by model, user, assistant and key, dearest first", async () => {
    assert.deepEqual(costs(await read("group_by=model"), "model"), [[dear, 2, 3], [cheap, 2, 2], [
      "unpriced",
      1,
      0,
    ]]);
    assert.deepEqual(costs(await read("group_by=user"), "user_id"), [[owner.id, 2, 4], [
      member.id,
      3,
      1,
    ]]);
    const keys = await read("group_by=key");
    assert.deepEqual(costs(keys, "api_key_id"), [[null, 4, 4], [key.id, 1, 1]]);
    assert.deepEqual(keys.data.map(({ name }: Body) => name), [null, "Bot"]);
    assert.deepEqual(costs(await read("group_by=assistant"), "assistant_id"), [[null, 5, 5]]);
  });
  await t.step("narrowed", async () => {
    const calls = async (query: string) => (await read(query)).totals.calls;
    assert.equal(await calls(`model=${dear}`), 2);
    assert.equal(await calls(`user_id=${member.id}`), 3);
    assert.equal(await calls(`api_key_id=${key.id}`), 1);
    assert.equal(await calls("status=failed"), 1);
    assert.equal(await calls("provider=test&operation=chat"), 5);
    assert.equal(await calls("operation=embedding"), 0);
    assert.equal(await calls(`assistant_id=${crypto.randomUUID()}`), 0);
    const first = await read("group_by=model&limit=1");
    assert.deepEqual([first.data.length, first.groups, first.totals.calls], [1, 3, 5]);
  });
  await t.step("from is included, to is not", async () => {
    const days = async (from: string, to: string) =>
      expect(await owner.get(`${PATH}?from=${from}&to=${to}`), 200).totals.calls;
    assert.equal(await days("2026-03-02T12:00:00Z", "2026-03-04T12:00:00Z"), 1);
    assert.equal(await days("2026-03-02", "2026-03-05"), 5);
    assert.equal(expect(await owner.get(PATH), 200).totals.calls, 0, "the last 30 days");
  });
  await t.step("a member sees their own, also by a key", async () => {
    const usage = await read("group_by=user", member);
    assert.deepEqual(costs(usage, "user_id"), [[member.id, 3, 1]]);
    assert.equal((await read(`user_id=${owner.id}`, member)).totals.calls, 0);
    const { caller } = await keyOf(member, ["llm-assistant:read"]);
    assert.equal((await read("", caller)).totals.calls, 3);
  });
  await t.step("refuses", async () => {
    const wrong = async (query: string, path: string) =>
      refused(await owner.get(`${PATH}?${query}`), 422, "validation_failed", [`query.${path}`]);
    await wrong("group_by=hour", "group_by");
    await wrong("from=yesterday", "from");
    await wrong("from=2026-03-02&to=2026-03-02", "from");
    await wrong("from=2020-01-01&to=2026-01-01", "from");
    await wrong("user_id=me", "user_id");
    await wrong("limit=0", "limit");
  });
  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "GET", path: `${PATH}?${RANGE}`, stranger: "own" }),
  );
});

/** All texts of a picture. */
const textsOf = (svg: string): string[] => {
  const texts: string[] = [];
  const walk = ({ name, text, children }: ReturnType<typeof parseXml>) => {
    if (name === "text" || name === "title" || name === "desc") texts.push(text);
    children.forEach(walk);
  };
  walk(parseXml(svg));
  return texts;
};

Deno.test("get_usage draws it", async (t) => {
  const { owner, member, dear } = await withUsage();
  const draw = async (query: string) => {
    const answer = await owner.get(`${PATH}?${RANGE}&${query}`, {
      headers: { accept: "image/svg+xml" },
    });
    assert.equal(answer.headers.get("content-type"), "image/svg+xml");
    return textsOf(expect(answer, 200)).join("\n");
  };

  await t.step("by day, each model apart, what has no price said", async () => {
    const drawn = await draw("group_by=day");
    assert.match(drawn, /Model usage by day/);
    assert.match(drawn, /1 Mar 2026 to 31 Mar 2026 UTC · without 1 call whose model has no price/);
    assert.match(drawn, /\$5/);
    assert.ok(drawn.includes(`test/${dear}`));
  });
  await t.step("by model, user, assistant and key", async () => {
    assert.ok((await draw("group_by=model")).includes(`test/${dear}`));
    assert.match(await draw("group_by=user"), /Model usage by user/);
    assert.match(await draw("group_by=key"), /Bot/);
    assert.match(await draw("group_by=assistant"), /none/);
  });
  await t.step("tokens and calls", async () => {
    assert.match(await draw("measure=tokens"), /5,000,000/);
    assert.match(await draw("measure=calls&format=svg"), /calls in total/);
  });
  await t.step("tokens, where nothing has cost anything; nothing, where nothing was", async () => {
    assert.match(await draw("model=unpriced"), /1,000,000/);
    assert.match(await draw(`user_id=${crypto.randomUUID()}`), /Nothing in this time/);
  });
  await t.step("names that are markup stay names", async () => {
    await sql`update public.profiles set full_name = '<script>&' where id = ${member.id}`;
    assert.ok((await draw("group_by=user")).includes("<script>&"));
  });
});

Deno.test("the log outlives whom it names, and no client writes it", async () => {
  const tenant: Tenant = await createTenant();
  const member = await tenant.user("member");
  const id = await spend(member, await pricedModel(member));
  for (const [method, body] of [["PATCH", { cost: 0 }], ["DELETE", undefined]] as const) {
    await tenant.owner.rest(method, `/usage_events?id=eq.${id}`, body);
  }
  await sql`delete from auth.users where id = ${member.id}`;
  const [row] =
    await sql`select user_id, cost::float8 as cost from public.usage_events where id = ${id}`;
  assert.deepEqual({ ...row }, { user_id: member.id, cost: 1 });
});
