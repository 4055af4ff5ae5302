import { ApiError } from "@shared/errors.ts";
import assert from "node:assert/strict";
import type { Answer, Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { issueKey } from "../harness/keys.ts";
import { sql } from "../harness/sql.ts";
import { createTenant, type User } from "../harness/tenant.ts";
import { reserve, settle } from "../harness/usage.ts";

const PATH = "/llm-assistant/rate-limits";
const MODEL = "never-heard-of";

/** A small call: 10 tokens, unless told. */
const ask = (user: User, options: { input_tokens?: number; api_key_id?: string } = {}) =>
  reserve(user, MODEL, { input_tokens: 10, ...options });

async function isLimited(call: Promise<unknown>): Promise<ApiError> {
  const error = await call.then(() => undefined, (error) => error);
  assert.ok(error instanceof ApiError, `refused, not ${JSON.stringify(error)}`);
  assert.deepEqual([error.code, error.status], ["rate_limited", 429], error.message);
  return error;
}

/** Lets so many seconds pass for everyone in the organization. */
const elapse = ({ organizationId }: User, seconds: number) =>
  sql`update public.rate_windows set started_at = started_at - make_interval(secs => ${seconds}::float8)
    where organization_id = ${organizationId}`;

Deno.test("limits of requests", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const member = await tenant.user("member");
  const limit = expect(await owner.post(PATH, { scope: "user", requests_per_minute: 3 }), 201);

  await t.step("of 50 parallel calls as many as may", async () => {
    const calls = await Promise.allSettled(Array.from({ length: 50 }, () => ask(owner)));
    const passed = calls.flatMap((call) => call.status === "fulfilled" ? [call.value] : []);
    const remaining = passed.map(({ rate_limits }) => rate_limits?.requests?.remaining);
    assert.deepEqual(remaining.toSorted(), [0, 1, 2]);
    assert.equal(passed[0]?.rate_limits?.tokens, null);
  });
  await t.step("a refusal says when to come again, in OpenAI's headers too", async () => {
    const { message, options: { headers = {} } } = await isLimited(ask(owner));
    const wait = Number(headers["retry-after"]);
    assert.ok(wait > 60 && wait <= 120, `after ${wait} s`);
    assert.match(message, new RegExp(`try again in ${wait} s`));
    assert.equal(headers["x-ratelimit-limit-requests"], "3");
    assert.equal(headers["x-ratelimit-remaining-requests"], "0");
    assert.match(headers["x-ratelimit-reset-requests"] ?? "", /^(1m\d\d?|2m0)s$/);
    assert.equal(headers["x-ratelimit-limit-tokens"], undefined);
    await elapse(owner, wait - 5);
    await isLimited(ask(owner));
    await elapse(owner, 6);
    await ask(owner);
  });
  await t.step("each user has their own", async () => {
    const { rate_limits } = await ask(member);
    assert.deepEqual(
      [rate_limits?.requests?.limit, rate_limits?.requests?.remaining],
      [3, 2],
    );
  });
  await t.step("a limit for one goes before the limit for each", async () => {
    const own = { scope: "user", subject_id: member.id, requests_per_minute: 100 };
    expect(await owner.post(PATH, own), 201);
    assert.equal((await ask(member)).rate_limits?.requests?.remaining, 98);
    expect(await owner.patch(`${PATH}/${limit.id}`, { requests_per_minute: null }), 200);
    assert.equal((await ask(owner)).rate_limits, null);
  });
  await t.step("a key's counts beside its user's, and the tighter one is told", async () => {
    const [one, two] = [await issueKey(member), await issueKey(member)];
    expect(await owner.post(PATH, { scope: "key", requests_per_minute: 2 }), 201);
    assert.equal((await ask(member, { api_key_id: one.id })).rate_limits?.requests?.remaining, 1);
    await ask(member, { api_key_id: one.id });
    await isLimited(ask(member, { api_key_id: one.id }));
    await ask(member, { api_key_id: two.id });
    const { rate_limits } = await ask(member);
    assert.equal(rate_limits?.requests?.remaining, 94, "what was refused doesn't count");
  });
});

Deno.test("limits of tokens", async (t) => {
  const { owner } = await createTenant();
  const tokens = async (call: ReturnType<typeof ask>) => (await call).rate_limits?.tokens;
  expect(await owner.post(PATH, { scope: "user", tokens_per_minute: 1000 }), 201);

  await t.step("count what a call may take, then what it took", async () => {
    const held = await reserve(owner, MODEL, { input_tokens: 100, max_output_tokens: 800 });
    assert.deepEqual(
      [held.rate_limits?.tokens?.limit, held.rate_limits?.tokens?.remaining],
      [1000, 100],
    );
    await isLimited(ask(owner, { input_tokens: 101 }));
    await settle(held.reservation_id, { input_tokens: 90, output_tokens: 10 });
    assert.equal((await tokens(ask(owner)))?.remaining, 890);
  });
  await t.step("also when it took more than it was expected to", async () => {
    const held = await ask(owner);
    await settle(held.reservation_id, { input_tokens: 10, output_tokens: 500 });
    assert.equal((await tokens(ask(owner)))?.remaining, 370);
  });
  await t.step("in the window that it was counted in", async () => {
    const held = await ask(owner, { input_tokens: 300 });
    await elapse(owner, 61);
    const [before] = await windows(owner);
    assert.equal(before?.tokens, 930);
    await settle(held.reservation_id, { input_tokens: 0 });
    const [after] = await windows(owner);
    assert.equal(after?.tokens, 630);
  });
  await t.step("what can never fit is told so", async () => {
    const { message, options } = await isLimited(ask(owner, { input_tokens: 1001 }));
    assert.match(message, /1001 tokens, and 1000 a minute are allowed/);
    assert.equal(options.headers?.["retry-after"], undefined);
  });
});

const windows = ({ organizationId }: User) =>
  sql`select tokens::int as tokens from public.rate_windows where organization_id = ${organizationId}`;

Deno.test("OpenAI's headers tell the limits, and a refusal is OpenAI's", async (t) => {
  const { owner } = await createTenant();
  const limits = { scope: "user", requests_per_minute: 6, tokens_per_minute: 100_000 };
  expect(await owner.post(PATH, limits), 201);
  const CHAT = "/llm-assistant/v1/chat/completions";
  const request = { model: "demo-chat", messages: [{ role: "user", content: "Hello" }] };
  const told = ({ headers }: Answer, what: string) => [
    headers.get(`x-ratelimit-limit-${what}`),
    headers.get(`x-ratelimit-remaining-${what}`),
  ];
  const calls: [string, string, Body][] = [
    ["a chat", CHAT, request],
    ["a stream", CHAT, { ...request, stream: true }],
    ["a kept turn", CHAT, { ...request, conversation_id: "new", stream: true }],
    ["embeddings", "/llm-assistant/v1/embeddings", { model: "demo-embedding", input: "rain" }],
    ["a turn of ours", "/llm-assistant", { messages: request.messages }],
  ];
  for (const [index, [name, path, body]] of calls.entries()) {
    await t.step(name, async () => {
      const answer = await owner.post(path, body);
      expect(answer, 200);
      assert.deepEqual(told(answer, "requests"), ["6", `${5 - index}`]);
      const [limit, remaining] = told(answer, "tokens");
      assert.equal(limit, "100000");
      assert.ok(Number(remaining) > 0 && Number(remaining) < 100_000, `${remaining} left`);
      for (const what of ["requests", "tokens"]) {
        assert.match(answer.headers.get(`x-ratelimit-reset-${what}`) ?? "", /^(\dm)?\d+(s|ms)$/);
      }
    });
  }
  await t.step("one call too many", async () => {
    const [limit] = expect(await owner.get(PATH), 200).data;
    expect(await owner.patch(`${PATH}/${limit.id}`, { requests_per_minute: 1 }), 200);
    for (const stream of [false, true]) {
      const answer = await owner.post(CHAT, { ...request, stream });
      refused(answer, 429, "rate_limit_exceeded");
      assert.equal(answer.body.error.type, "rate_limit_error");
      assert.deepEqual(told(answer, "requests"), ["1", "0"]);
      assert.ok(Number(answer.headers.get("retry-after")) > 0);
    }
  });
});

Deno.test("list_rate_limits, create_, get_, update_ and delete_rate_limit", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const member = await tenant.user("member");
  const body = { scope: "user", requests_per_minute: 60, tokens_per_minute: 100_000 };
  const limit = expect(await owner.post(PATH, body), 201);
  const path = `${PATH}/${limit.id}`;

  await t.step("create, list and get", async () => {
    assert.deepEqual([limit.subject_id, limit.tokens_per_minute], [null, 100_000]);
    const own = { scope: "user", subject_id: member.id, requests_per_minute: 1 };
    expect(await owner.post(PATH, own), 201);
    const { data } = expect(await member.get(`${PATH}?subject_id=${member.id}`), 200);
    assert.deepEqual(data.map((row: Body) => row.requests_per_minute), [1]);
    assert.deepEqual(expect(await member.get(path), 200), limit);
  });
  await t.step("refuses", async () => {
    refused(await owner.post(PATH, body), 409, "conflict");
    const wrong = async (fields: Record<string, unknown>, field: string) =>
      refused(await owner.post(PATH, { ...body, ...fields }), 422, "validation_failed", [field]);
    await wrong({ scope: "organization" }, "scope");
    await wrong({ requests_per_minute: 0 }, "requests_per_minute");
    await wrong({ tokens_per_minute: 1.5 }, "tokens_per_minute");
    refused(await owner.get(`${PATH}?cursor=x`), 400, "invalid_cursor");
    const theirs = { ...body, subject_id: (await tenant.stranger()).id };
    refused(await owner.post(PATH, theirs), 404, "not_found");
  });
  await t.step(
    "the list is refused to",
    (t) => attack(t, { tenant, method: "GET", path: PATH, stranger: "empty" }),
  );
  await t.step("POST is refused to", (t) =>
    attack(t, {
      tenant,
      method: "POST",
      path: PATH,
      body: { scope: "key", requests_per_minute: 1 },
      minimumRole: "admin",
      stranger: "own",
    }));
  for (
    const [method, body] of [["GET"], ["PATCH", { tokens_per_minute: 1 }], ["DELETE"]] as const
  ) {
    const minimumRole = method === "GET" ? "member" : "admin";
    await t.step(
      `${method} is refused to`,
      (t) => attack(t, { tenant, method, path, body, minimumRole }),
    );
  }
  await t.step("update and delete", async () => {
    const changed = expect(await owner.patch(path, { tokens_per_minute: null }), 200);
    assert.deepEqual([changed.requests_per_minute, changed.tokens_per_minute], [60, null]);
    expect(await owner.delete(path), 204);
    refused(await owner.get(path), 404, "not_found");
  });
});
