import assert from "node:assert/strict";
import type { Answer } from "../harness/answer.ts";
import { call } from "../harness/client.ts";
import { expect, refused } from "../harness/expect.ts";
import { issueKey, keyOf } from "../harness/keys.ts";
import { sql } from "../harness/sql.ts";
import { stack } from "../harness/stack.ts";
import { createTenant, createUser, type User } from "../harness/tenant.ts";
import { waitFor } from "../harness/wait.ts";

/** So long a window that the time that a test takes is next to nothing of it. */
const DAY = 86_400;

/** A day's window at a moment: so much of it has passed, so many calls were in it and the one before. */
const setWindow = (id: string, passed: number, current: number, previous: number) =>
  sql`update public.api_key_usage set current_count = ${current}, previous_count = ${previous},
    window_started_at = clock_timestamp() - make_interval(secs => ${
    passed * DAY
  }::float8) where id = ${id}`;

/** Lets so many seconds pass for a key. */
const elapse = (id: string, seconds: number) =>
  sql`update public.api_key_usage
    set window_started_at = window_started_at - make_interval(secs => ${seconds}::float8) where id = ${id}`;

/** A key of so many calls a day that has been used already, its usage all still to set. */
async function limitedKey(user: User, rate_limit: number) {
  const { id, key } = await issueKey(user, ["keys:read"], { rate_limit, rate_window_seconds: DAY });
  const take = async (cost = 1) =>
    expect(
      await call("POST", "/keys/verify", { apikey: stack.secretKey, body: { key, cost } }),
      200,
    );
  await take(0);
  /** How many calls are let through until one is not. */
  const count = async () => {
    for (let calls = 0;; calls++) if (!(await take()).valid) return calls;
  };
  return { id, take, count };
}

const limits = ({ headers }: Answer) =>
  ["limit", "remaining", "reset"].map((name) => Number(headers.get(`ratelimit-${name}`)));

Deno.test("a key's limit is exact, and told in headers", async (t) => {
  const { owner } = await createTenant();

  await t.step("of 50 parallel calls as many succeed as may", async () => {
    for (const rate_limit of [1, 20]) {
      const { caller } = await keyOf(owner, ["keys:read"], {
        rate_limit,
        rate_window_seconds: DAY,
      });
      const answers = await Promise.all(Array.from({ length: 50 }, () => caller.get("/keys")));
      const passed = answers.filter(({ status }) => status === 200);
      assert.equal(passed.length, rate_limit);
      const remaining = passed.map(({ headers }) => Number(headers.get("ratelimit-remaining")));
      assert.deepEqual(
        remaining.toSorted((a, b) => a - b),
        Array.from({ length: rate_limit }, (_, index) => index),
      );
      for (const answer of answers.filter(({ status }) => status !== 200)) {
        refused(answer, 429, "rate_limited");
        const seconds = Number(answer.headers.get("retry-after"));
        const [limit, remaining, reset] = limits(answer);
        assert.deepEqual([limit, remaining], [rate_limit, 0]);
        assert.ok(seconds >= 1 && seconds <= 2 * DAY, String(seconds));
        assert.ok(Math.abs(seconds - (reset ?? 0)) <= 1);
      }
    }
  });
  await t.step("each call counts down, also one that is refused for what it asks", async () => {
    const { caller } = await keyOf(owner, ["keys:read"], { rate_limit: 4 });
    const answers = [
      await caller.get("/keys"),
      await caller.get("/pipelines"),
      await caller.get(`/keys/${crypto.randomUUID()}`),
      await caller.get("/keys?limit=x"),
      await caller.get("/keys"),
    ];
    assert.deepEqual(answers.map(({ status }) => status), [200, 403, 404, 422, 429]);
    assert.deepEqual(answers.map((answer) => limits(answer)[1]), [3, 2, 1, 0, 0]);
    for (const answer of answers) {
      const [limit, , reset = 0] = limits(answer);
      assert.equal(limit, 4);
      assert.ok(reset > 0 && reset <= 120);
      const exposed = answer.headers.get("access-control-expose-headers") ?? "";
      if (answer.status === 200) assert.match(exposed, /ratelimit-remaining/);
    }
  });
  await t.step("two keys of one user don't share it", async () => {
    const one = await keyOf(owner, ["keys:read"], { rate_limit: 1 });
    const two = await keyOf(owner, ["keys:read"], { rate_limit: 1 });
    expect(await one.caller.get("/keys"), 200);
    refused(await one.caller.get("/keys"), 429, "rate_limited");
    expect(await two.caller.get("/keys"), 200);
    expect(await owner.get("/keys"), 200);
  });
  await t.step("a key without a limit has no such headers", async () => {
    const { caller } = await keyOf(owner, ["keys:read"]);
    const answer = await caller.get("/keys");
    expect(answer, 200);
    assert.equal(answer.headers.get("ratelimit-limit"), null);
  });
  await t.step("after the time that Retry-After says the next call passes", async () => {
    const { caller } = await keyOf(owner, ["keys:read"], {
      rate_limit: 2,
      rate_window_seconds: 1,
    });
    const answer = await waitFor(async () => {
      const answer = await caller.get("/keys");
      return answer.status === 429 && answer;
    });
    const retryAt = Date.now() + Number(answer.headers.get("retry-after")) * 1000;
    assert.ok(retryAt - Date.now() <= 2000);
    await waitFor(() => Date.now() >= retryAt);
    expect(await caller.get("/keys"), 200);
  });
});

/**
 * The guarantee of a sliding window counter: at a moment when a share p of the window has passed, this
 * window's calls are at most limit - (1 - p) × the calls of the window before. So never more than the
 * limit within a window, nor more than limit × (1 + p) in the time of one window that ends at p.
 */
Deno.test("the window slides", async (t) => {
  const user = await createUser();
  const limit = 20;
  const { id, take, count } = await limitedKey(user, limit);

  await t.step("a full window before leaves room for the share that has passed", async () => {
    for (
      const [passed, room] of [[0.01, 0], [0.0501, 1], [0.2501, 5], [0.5001, 10], [
        0.9999,
        19,
      ]] as const
    ) {
      await setWindow(id, passed, 0, limit);
      assert.equal(await count(), room, `${passed} of the window`);
    }
  });
  await t.step("also when the window begins anew while it is asked", async () => {
    for (const [passed, room] of [[1.0001, 0], [1.2501, 5], [1.5001, 10], [1.9999, 19]] as const) {
      await setWindow(id, passed, limit, limit);
      assert.equal(await count(), room, `${passed} of the window`);
    }
  });
  await t.step("what is two windows ago counts no more", async () => {
    for (const passed of [2.0001, 2.5, 7.3]) {
      await setWindow(id, passed, limit, limit);
      assert.equal(await count(), limit, `${passed} of the window`);
    }
  });
  await t.step("never more than the limit within a window", async () => {
    await setWindow(id, 0.999, 0, 0);
    assert.equal(await count(), limit);
    await elapse(id, 0.0005 * DAY);
    assert.equal(await count(), 0);
    // In the next window only as they fade, so never twice the limit at a stroke.
    await elapse(id, 0.001 * DAY);
    assert.equal(await count(), 0);
    let total = limit;
    for (let step = 0; step < 9; step++) {
      await elapse(id, 0.1 * DAY);
      total += await count();
      assert.ok(total <= limit * (1 + 0.1 * (step + 1)), `${total} after ${step + 1} tenths`);
    }
  });
  await t.step("a refusal says to the second when there is room", async () => {
    for (
      const [current, previous, cost] of [[5, 20, 1], [0, 20, 5], [20, 0, 1], [20, 20, 7], [
        12,
        9,
        5,
      ]] as const
    ) {
      await setWindow(id, 0.2, current, previous);
      const { valid, rate_limit } = await take(cost);
      assert.equal(valid, false);
      const seconds = (Date.parse(rate_limit.reset_at) - Date.now()) / 1000;
      await elapse(id, seconds - 60);
      assert.equal(
        (await take(cost)).valid,
        false,
        `a minute too soon for ${[current, previous, cost]}`,
      );
      await elapse(id, 61);
      assert.equal((await take(cost)).valid, true, `${[current, previous, cost]}`);
    }
  });
  await t.step(
    "what costs nothing counts nothing, what costs more than the limit never passes",
    async () => {
      await setWindow(id, 0, 0, 0);
      for (let calls = 0; calls < 5; calls++) {
        assert.equal((await take(0)).rate_limit.remaining, limit);
      }
      for (const passed of [0.5, 1.5, 3]) {
        await setWindow(id, passed, 0, 0);
        assert.equal((await take(limit + 1)).code, "RATE_LIMITED");
      }
      assert.equal((await take(limit)).rate_limit.remaining, 0);
      assert.equal((await take(0)).valid, true);
    },
  );
  await t.step("a clock that runs backwards opens no window early", async () => {
    await setWindow(id, -0.5, 0, 0);
    assert.equal(await count(), limit);
    await setWindow(id, -0.5, limit, limit);
    assert.equal(await count(), 0);
  });
  await t.step("a limit that is lowered holds at once", async () => {
    await setWindow(id, 0.5, 10, 0);
    expect(await user.patch(`/keys/${id}`, { rate_limit: 5 }), 200);
    const { valid, rate_limit } = await take();
    assert.deepEqual([valid, rate_limit.limit, rate_limit.remaining], [false, 5, 0]);
    expect(await user.patch(`/keys/${id}`, { rate_limit: limit }), 200);
    assert.equal(await count(), 10);
  });
});
