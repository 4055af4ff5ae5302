import assert from "node:assert/strict";
import { decodeProtectedHeader, SignJWT, UnsecuredJWT } from "jose";
import { logs } from "../harness/audit.ts";
import { attack } from "../harness/battery.ts";
import { call, rest } from "../harness/client.ts";
import { expect, refused } from "../harness/expect.ts";
import { appendLogs, seal, SealedLog } from "../harness/seals.ts";
import { sql } from "../harness/sql.ts";
import { stack } from "../harness/stack.ts";
import { createTenant, type User } from "../harness/tenant.ts";

const TYPE = "audit-seal+jwt";

async function latestSeal(user: User) {
  return expect(await user.get("/audit/seals/latest"), 200);
}

/** A statement of anybody's making. */
function sign(payload: Record<string, unknown>, typ = TYPE, secret = stack.jwtSecret) {
  return new SignJWT(payload).setProtectedHeader({ alg: "HS256", typ }).setIssuedAt()
    .sign(new TextEncoder().encode(secret));
}

Deno.test("get_latest_audit_seal", async (t) => {
  const log = await SealedLog.make();
  const { tenant, organizationId } = log;

  await t.step("is the newest, signed", async () => {
    // The scheduler may seal at any moment: between two looks the newest one has been the newest.
    const newest = async () => {
      const [row] = await sql`select max(sequence)::int as sequence from public.audit_seals
        where organization_id = ${organizationId}`;
      return row?.sequence;
    };
    const before = await newest();
    const { signature, ...latest } = await latestSeal(tenant.owner);
    assert.ok(latest.sequence >= before && latest.sequence <= await newest());
    const [row] = await sql`select digest from public.audit_seals
      where organization_id = ${organizationId} and sequence = ${latest.sequence}`;
    assert.equal(latest.digest, row?.digest);
    assert.match(latest.digest, /^[0-9a-f]{64}$/);
    assert.equal(decodeProtectedHeader(signature).typ, TYPE);
  });

  await t.step("is 404 while there is none", async () => {
    const other = await createTenant();
    // Others seal as well: what there is to be sealed is, and then taken away.
    await seal();
    await sql`delete from public.audit_seals where organization_id = ${other.organizationId}`;
    refused(await other.owner.get("/audit/seals/latest"), 404, "not_found");
  });

  await t.step("is for admins, and logged", async () => {
    const admin = await tenant.user("admin");
    await latestSeal(admin);
    const [read] = await logs(tenant.owner, `action_type=READ&actor_id=${admin.id}`);
    assert.equal(read.entity_type, "audit_log");
    assert.deepEqual(read.details.filters, { seals: "latest" });
  });

  await t.step(
    "a row of it can be read by admins past the functions, too, and by nobody else",
    async () => {
      const path = `/audit_seals?organization_id=eq.${organizationId}`;
      const [member, stranger] = [await tenant.user("member"), await tenant.stranger()];
      assert.ok(expect(await tenant.owner.rest("GET", path), 200).length >= 3);
      assert.deepEqual(expect(await member.rest("GET", path), 200), []);
      assert.deepEqual(expect(await stranger.rest("GET", path), 200), []);
    },
  );

  await t.step("is refused to", (t) =>
    attack(t, {
      tenant,
      method: "GET",
      path: "/audit/seals/latest",
      minimumRole: "admin",
      stranger: "own",
    }));
});

Deno.test("an anchor", async (t) => {
  const log = await SealedLog.make();
  const { tenant: { owner }, organizationId } = log;
  const { signature, sequence, digest } = await latestSeal(owner);
  const anchor = { organization_id: organizationId, sequence, digest };

  await t.step("is good at once, and after more seals", async () => {
    assert.equal((await log.verify(signature)).valid, true);
    await appendLogs(organizationId, 3);
    await seal();
    assert.equal((await log.verify(signature)).valid, true);
    assert.ok((await latestSeal(owner)).sequence > sequence);
  });

  await t.step("must be ours, of a seal, and of this organization", async () => {
    const wrong = async (anchor: string, what: string) => {
      const answer = await owner.post("/audit/verify", { anchor });
      assert.equal(answer.status, 422, what);
      refused(answer, 422, "validation_failed", ["anchor"]);
    };
    const other = await SealedLog.make();
    await wrong((await latestSeal(other.tenant.owner)).signature, "another organization's");
    await wrong("garbage", "garbage");
    await wrong("a.b.c", "garbage in three parts");
    await wrong(owner.token, "a user's token");
    await wrong(await sign(anchor, TYPE, "x".repeat(43)), "signed with another secret");
    await wrong(await sign(anchor, "JWT"), "of another type");
    await wrong(await sign({ ...anchor, sequence: 0 }), "of no seal");
    await wrong(await sign({ ...anchor, digest: "0" }), "of no digest");
    await wrong(new UnsecuredJWT(anchor).encode(), "unsigned");
    const [head, , tail] = signature.split(".");
    const [, otherBody] = (await sign({ ...anchor, sequence: sequence + 1 })).split(".");
    await wrong(`${head}.${otherBody}.${tail}`, "changed afterwards");
  });

  await t.step("gives no rights", async () => {
    refused(await call("GET", "/audit/logs", { token: signature }), 401, "invalid_token");
    const path = `/audit_seals?organization_id=eq.${organizationId}`;
    const seen = await rest("GET", path, { token: signature });
    assert.ok(seen.status >= 400 || seen.body.length === 0, JSON.stringify(seen.body));
    const body = { organization_id: organizationId };
    const part = await rest("POST", "/rpc/verify_audit_seals", { token: signature, body });
    assert.ok(part.status >= 400, JSON.stringify(part.body));
  });

  await t.step("alone finds a chain that was rewritten as a whole", async () => {
    await sql`update public.audit_logs set user_agent = 'someone else' where id = ${log.id(0, 1)}`;
    await log.rewrite();
    assert.equal((await log.verify()).valid, true, "by itself it looks well");
    const { valid, first_broken } = await log.verify(signature);
    assert.equal(valid, false);
    assert.deepEqual(first_broken, { sequence, audit_log_id: null, reason: "anchor_mismatch" });
  });

  await t.step("and one whose end is missing", async () => {
    const other = await SealedLog.make();
    const { signature, sequence } = await latestSeal(other.tenant.owner);
    const { last_at } = other.seals[1];
    await sql`delete from public.audit_logs where organization_id = ${other.organizationId}
      and occurred_at > ${last_at.toISOString()}::text::timestamptz and id <> ${other.id(1, 3)}`;
    await sql`delete from public.audit_seals where organization_id = ${other.organizationId}
      and sequence > ${other.seals[1].sequence}`;
    assert.equal((await other.verify()).valid, true, "by itself it looks well");
    assert.deepEqual((await other.verify(signature)).first_broken, {
      sequence,
      audit_log_id: null,
      reason: "anchor_mismatch",
    });
  });
});
