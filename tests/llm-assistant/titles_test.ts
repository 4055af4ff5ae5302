import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { createApproved } from "../harness/assistants.ts";
import { expect } from "../harness/expect.ts";
import { LlmSetting } from "../harness/llm.ts";
import { sql } from "../harness/sql.ts";
import type { Tenant } from "../harness/tenant.ts";
import { failing } from "../harness/upstream.ts";

/** The call that makes a conversation's title after its first turn. */

const PATH = "/llm-assistant";
const question = { messages: [{ role: "user", content: "Where does it rain?" }], maxTokens: 20 };

/** USD a token of output; what comes in costs nothing. */
const setPrice = ({ organizationId }: Tenant, usd: number) =>
  sql`insert into public.model_prices (organization_id, provider, model, input_price, output_price)
    values (${organizationId}, 'platform', 'demo-chat', 0, ${usd * 1_000_000})`;

Deno.test("a title is paid for, and takes no place in limits or in an assistant's use", () =>
  LlmSetting.with(async (setting) => {
    const { functions, tenant } = setting;
    const { owner } = tenant;
    await setPrice(tenant, 0.001);
    const { id } = await createApproved(tenant, owner, { model: "demo-chat" });
    const limit = { scope: "user", requests_per_minute: 2, tokens_per_minute: 100_000 };
    expect(await functions.send(owner, "POST", `${PATH}/rate-limits`, limit), 201);
    const ask = (body: Body) => functions.send(owner, "POST", PATH, { ...question, ...body });

    const first = await ask({ assistantId: id });
    const { conversation_id } = expect(first, 200);
    assert.equal(first.headers.get("x-ratelimit-remaining-requests"), "1");
    const events = await setting.usage(2);
    assert.deepEqual(events.map(({ operation }) => operation), ["chat", "title"]);
    const [chat] = events;
    const [window] = await sql`select requests::int, tokens::int from public.rate_windows
      where organization_id = ${tenant.organizationId}`;
    assert.deepEqual({ ...window }, {
      requests: 1,
      tokens: chat?.input_tokens + chat?.output_tokens,
    });
    assert.equal((await ask({ conversationId: conversation_id })).status, 200);
    assert.equal((await ask({ conversationId: conversation_id })).status, 429);

    const all = await setting.usage(3);
    assert.ok(all.every(({ cost }) => Number(cost) > 0));
    const cost = Number(all.reduce((sum, { cost }) => sum + Number(cost), 0).toFixed(3));
    const { usage_count, monthly_cost } = expect(await owner.get(`${PATH}/assistants/${id}`), 200);
    assert.deepEqual([usage_count, monthly_cost], [2, cost]);
    const stats = expect(await owner.get(`${PATH}/assistants/${id}/stats`), 200);
    assert.deepEqual([stats.calls, stats.days.at(-1).calls, stats.cost], [2, 2, cost]);
    const usage = expect(await owner.get(`${PATH}/usage?operation=title`), 200);
    assert.equal(usage.totals.calls, 1);
  }, { EDGELOOM_CHAT_MODEL: "demo-chat" }));

Deno.test("a title that is refused leaves the first words, and no error in the log", async () => {
  const lines: string[] = [];
  const { error } = console;
  Object.assign(console, { error: (line: string) => lines.push(line) });
  try {
    await LlmSetting.with(async ({ functions, upstream, tenant }) => {
      const { owner } = tenant;
      await setPrice(tenant, 1);
      // Room for the answer, and none for what a title may take.
      const budget = { scope: "organization", period: "day", limit_usd: 25 };
      const { id } = expect(await functions.send(owner, "POST", `${PATH}/budgets`, budget), 201);
      const spent = expect(await functions.send(owner, "POST", PATH, question), 200);
      await functions.settled();
      expect(await owner.delete(`${PATH}/budgets/${id}`), 204);
      upstream.next(() => undefined, failing(400));
      const refused = expect(await functions.send(owner, "POST", PATH, question), 200);
      await functions.settled();
      assert.equal(upstream.requests.length, 3);
      for (const { conversation_id } of [spent, refused]) {
        const { title } = expect(await owner.get(`${PATH}/conversations/${conversation_id}`), 200);
        assert.equal(title, "Where does it rain?");
      }
    }, { EDGELOOM_CHAT_MODEL: "demo-chat" });
  } finally {
    Object.assign(console, { error });
  }
  assert.deepEqual(lines, []);
});
