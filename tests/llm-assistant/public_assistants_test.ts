import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { createApproved, createTool } from "../harness/assistants.ts";
import { attack } from "../harness/battery.ts";
import { rest } from "../harness/client.ts";
import { expect, refused } from "../harness/expect.ts";
import { LlmSetting, PLATFORM_KEY } from "../harness/llm.ts";
import { newProviderKey } from "../harness/provider.ts";
import { stack } from "../harness/stack.ts";
import { createTenant } from "../harness/tenant.ts";
import { Upstream } from "../harness/upstream.ts";

const ALL = "/llm-assistant/assistants";
const SECRET = "The prompt is a trade secret.";

Deno.test("a public assistant is everybody's to use, and its prompt is its author's", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const stranger = await tenant.stranger();
  const member = await tenant.user("member");
  const tool = await createTool(owner, { code: `return "${SECRET}";` });
  const made = await createApproved(tenant, member, {
    prompt: SECRET,
    access_level: "public",
    category: "secrets",
    tools: [tool.name, "run_pipeline"],
    settings: { note: SECRET },
  });
  const body = { assistant_id: made.id };
  const mine = ({ data }: Body) => data.filter(({ id }: Body) => id === made.id);

  await t.step("a stranger sees that there is one, without what is its author's", async () => {
    const answers = [
      expect(await stranger.get(`${ALL}/${made.id}`), 200),
      ...mine(expect(await stranger.get(`${ALL}/public?category=secrets`), 200)),
    ];
    assert.equal(answers.length, 2);
    for (const shown of answers) {
      assert.deepEqual(
        [shown.name, shown.prompt, shown.creator_id, shown.monthly_cost, shown.settings],
        [made.name, null, null, null, {}],
      );
      assert.ok(!JSON.stringify(shown).includes(SECRET));
    }
    assert.deepEqual(mine(expect(await stranger.get(ALL), 200)), []);
    assert.deepEqual(mine(expect(await stranger.get(`${ALL}/public?q=nothing-like-it`), 200)), []);
  });
  await t.step("nor does any way past the functions show it", async () => {
    const { token } = stranger;
    for (
      const [method, path] of [
        ["GET", `/assistants?id=eq.${made.id}`],
        ["GET", `/tools?name=eq.${tool.name}`],
        ["POST", "/rpc/get_assistant_for_use"],
        ["POST", "/rpc/get_public_assistant_for_use"],
        ["POST", "/rpc/get_assistant"],
      ] as const
    ) {
      const answer = await rest(method, path, {
        token,
        body: method === "POST" ? body : undefined,
      });
      assert.ok(!JSON.stringify(answer.body).includes(SECRET), `${method} ${path}`);
    }
    const own = expect(await rest("POST", "/rpc/get_assistant_for_use", { token, body }), 200);
    assert.deepEqual(own, { is_foreign: true });
  });
  await t.step("the service gets it whole, but for tools that act as the caller", async () => {
    const path = "/rpc/get_public_assistant_for_use";
    const whole = expect(await rest("POST", path, { apikey: stack.secretKey, body }), 200);
    assert.equal(whole.prompt, SECRET);
    assert.deepEqual(whole.tools.map(({ name }: Body) => name), [tool.name]);
    const own = expect(
      await rest("POST", "/rpc/get_assistant_for_use", { token: member.token, body }),
      200,
    );
    assert.deepEqual(own.tools.map(({ name }: Body) => name), [tool.name, "run_pipeline"]);
  });
  await t.step("a stranger rates and changes nothing", async () => {
    refused(await stranger.post(`${ALL}/${made.id}/ratings`, { rating: 1 }), 404, "not_found");
    refused(await stranger.patch(`${ALL}/${made.id}`, { name: "x" }), 404, "not_found");
    refused(await stranger.get(`${ALL}/${made.id}/stats`), 404, "not_found");
  });
  await t.step("what is not approved or switched off is not there", async () => {
    expect(await member.patch(`${ALL}/${made.id}`, { status: "inactive" }), 200);
    refused(await stranger.get(`${ALL}/${made.id}`), 404, "not_found");
    expect(await member.patch(`${ALL}/${made.id}`, { status: "active" }), 200);
    expect(await stranger.get(`${ALL}/${made.id}`), 200);
    expect(await member.patch(`${ALL}/${made.id}`, { prompt: "Other" }), 200);
    refused(await stranger.get(`${ALL}/${made.id}`), 404, "not_found");
    assert.equal(
      (await rest("POST", "/rpc/get_assistant_for_use", { token: stranger.token, body })).status,
      404,
    );
  });
  await t.step("the list is refused to", async (t) => {
    const path = `${ALL}/public`;
    await attack(t, { tenant, method: "GET", path, stranger: "empty" });
    refused(await owner.get(`${path}?cursor=x`), 400, "invalid_cursor");
  });
});

Deno.test("a public assistant's prompt never goes to an address of who uses it", () =>
  LlmSetting.with((setting) =>
    Upstream.with(async (theirs) => {
      const { functions, upstream, tenant } = setting;
      const made = await createApproved(tenant, await tenant.user("member"), {
        prompt: SECRET,
        access_level: "public",
        model: "demo-chat",
      });
      const stranger = (await createTenant()).owner;
      for (const scope of ["user", "organization"] as const) {
        const key = { key: newProviderKey(), base_url: theirs.baseUrl, scope };
        await setting.putKey(stranger, "theirs", key);
      }
      const send = async (path: string, body: Body) => {
        const messages = [{ role: "user", content: "What were you told?" }];
        return expect(await functions.send(stranger, "POST", path, { messages, ...body }), 200);
      };
      const [ask, openAi] = ["/llm-assistant", "/llm-assistant/v1/chat/completions"];
      const { conversation_id } = await send(ask, { assistantId: made.id });
      await send(ask, { assistantId: made.id, model: "theirs/demo-chat", stream: true });
      await send(ask, { conversationId: conversation_id });
      await send(openAi, { assistant_id: made.id, model: "theirs/demo-chat" });
      await send(openAi, { conversation_id, model: "theirs/demo-chat", stream: true });
      await functions.settled();

      const told = upstream.requests.filter(({ body }) => JSON.stringify(body).includes(SECRET));
      assert.equal(told.length, 5, "the platform's provider was told");
      assert.deepEqual(new Set(upstream.keys), new Set([PLATFORM_KEY]));
      assert.deepEqual(theirs.requests, []);
      await send(openAi, { model: "theirs/demo-chat" });
      assert.equal(theirs.requests.length, 1, "which is asked for all else");
    }), { EDGELOOM_ALLOW_PRIVATE_NETWORK: "1", EDGELOOM_CHAT_MODEL: "demo-chat" }));
