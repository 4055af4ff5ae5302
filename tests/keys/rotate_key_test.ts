import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { rowOf } from "../harness/hostile.ts";
import { holding, issueKey, keyOf, MEMBER_SCOPES } from "../harness/keys.ts";
import { sql } from "../harness/sql.ts";
import { createTenant, type User } from "../harness/tenant.ts";

const rotate = (user: User, id: string, body?: unknown) => user.post(`/keys/${id}/rotate`, body);

/** Lets time pass for a key: its end is moved back by so much. */
const elapse = (id: string, interval: string) =>
  sql`update public.api_keys set revoked_at = revoked_at - ${interval}::interval where id = ${id}`;

Deno.test("rotate_api_key", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const [admin, member] = [await tenant.user("admin"), await tenant.user("member")];

  await t.step("gives a new key with the old one's rights, and kills the old one", async () => {
    const options = { name: "Import", rate_limit: 50, rate_window_seconds: 30 };
    const { caller: old, row } = await keyOf(owner, ["keys:read", "audit:*"], options);
    const answer = await rotate(owner, row.id);
    const made = expect(answer, 201);
    assert.equal(answer.headers.get("location"), `/functions/v1/keys/${made.id}`);
    assert.notEqual(made.id, row.id);
    assert.notEqual(made.prefix, row.prefix);
    for (const name of ["name", "scopes", "user_id", "organization_id", "rate_limit"] as const) {
      assert.deepEqual(made[name], row[name]);
    }
    assert.deepEqual([made.rate_window_seconds, made.expires_at], [30, null]);
    expect(await holding(owner, made).get("/keys"), 200);
    refused(await old.get("/keys"), 401, "invalid_api_key");
    const { replaced_by, revoked_at } = expect(await owner.get(`/keys/${row.id}`), 200);
    assert.equal(replaced_by, made.id);
    assert.ok(Date.parse(revoked_at) <= Date.now());
  });
  await t.step("the old one works as long as the grace lasts", async () => {
    const { caller: old, row } = await keyOf(member, ["keys:read"]);
    const made = expect(await rotate(member, row.id, { grace_seconds: 3600 }), 201);
    expect(await old.get("/keys"), 200);
    expect(await holding(member, made).get("/keys"), 200);
    await elapse(row.id, "59 minutes 50 seconds");
    expect(await old.get("/keys"), 200);
    await elapse(row.id, "10 seconds");
    refused(await old.get("/keys"), 401, "invalid_api_key");
    expect(await holding(member, made).get("/keys"), 200);
  });
  await t.step("its expiry is the old one's, or the one that is told", async () => {
    const at = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
    const expires_at = at(600);
    const expiring = () => issueKey(owner, MEMBER_SCOPES, { expires_at });
    const same = expect(await rotate(owner, (await expiring()).id), 201);
    assert.equal(Date.parse(same.expires_at), Date.parse(expires_at));
    const later = at(6000);
    const longer = expect(await rotate(owner, (await expiring()).id, { expires_at: later }), 201);
    assert.equal(Date.parse(longer.expires_at), Date.parse(later));
    const never = expect(await rotate(owner, (await expiring()).id, { expires_at: null }), 201);
    assert.equal(never.expires_at, null);
    const { id } = await expiring();
    const answer = await rotate(owner, id, { expires_at: "2020-01-01T00:00:00Z" });
    refused(answer, 422, "validation_failed", ["expires_at"]);
    assert.equal(
      (await rowOf("api_keys", id)).revoked_at,
      null,
      "a refused rotation kills nothing",
    );
  });
  await t.step("a key rotates itself, to one that lives no longer", async () => {
    const expires_at = new Date(Date.now() + 600_000).toISOString();
    const { caller, row } = await keyOf(owner, ["keys:write"], { expires_at });
    refused(await rotate(caller, row.id, { expires_at: null }), 403, "forbidden");
    const made = expect(await rotate(caller, row.id, { grace_seconds: 60 }), 201);
    assert.equal(Date.parse(made.expires_at), Date.parse(expires_at));
    refused(await rotate(caller, row.id), 409, "immutable");
    const next = holding(owner, made);
    expect(await rotate(next, made.id), 201);
    refused(await rotate(next, made.id), 401, "invalid_api_key");
  });
  await t.step("a key rotates none that holds more", async () => {
    const mighty = await issueKey(owner, ["keys:write", "audit:read"]);
    const { caller } = await keyOf(owner, ["keys:write"]);
    refused(await rotate(caller, mighty.id), 403, "insufficient_scope");
    expect(await holding(owner, mighty).get("/audit/logs"), 200);
  });
  await t.step("only its user does", async () => {
    const { id } = await issueKey(member);
    refused(await rotate(admin, id), 403, "forbidden");
    refused(await rotate(owner, id), 403, "forbidden");
    refused(await rotate(member, (await issueKey(owner)).id), 404, "not_found");
    refused(await rotate(owner, crypto.randomUUID()), 404, "not_found");
  });
  await t.step("of two rotations at once one is refused", async () => {
    for (let round = 0; round < 3; round++) {
      const { id } = await issueKey(member, ["keys:read"], { name: `Pair ${round}` });
      const answers = await Promise.all([rotate(member, id), rotate(member, id)]);
      assert.deepEqual(answers.map(({ status }) => status).toSorted(), [201, 409]);
      const [row] = await sql`select count(*)::int as keys from public.api_keys
        where user_id = ${member.id} and name = ${`Pair ${round}`}`;
      assert.equal(row?.keys, 2, "the refused one left no key");
    }
  });
  await t.step("no second time, and none that is stopped", async () => {
    const states = [
      (id: string) => rotate(owner, id, { grace_seconds: 60 }),
      (id: string) => owner.delete(`/keys/${id}`),
      (id: string) => owner.patch(`/keys/${id}`, { is_active: false }),
    ];
    for (const stop of states) {
      const { id } = await issueKey(owner);
      await stop(id);
      const before = await rowOf("api_keys", id);
      refused(await rotate(owner, id), 409, "immutable");
      assert.deepEqual(await rowOf("api_keys", id), before);
    }
  });
  await t.step("refuses a grace that is none", async () => {
    const { id } = await issueKey(owner);
    for (const grace_seconds of [-1, 1.5, 30 * 86_400 + 1, "60", null]) {
      const answer = await rotate(owner, id, { grace_seconds });
      refused(answer, 422, "validation_failed", ["grace_seconds"]);
    }
    expect(await rotate(owner, id, { grace_seconds: 30 * 86_400 }), 201);
  });
  await t.step("is refused to", async (t) => {
    const path = `/keys/${(await issueKey(owner)).id}/rotate`;
    await attack(t, { tenant, method: "POST", path, body: { grace_seconds: 60 } });
  });
});
