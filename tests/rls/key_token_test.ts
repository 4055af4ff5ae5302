import { createKey } from "@shared/key_format.ts";
import { rest } from "../harness/client.ts";
import assert from "node:assert/strict";
import { expect } from "../harness/expect.ts";
import { addsNothing, changesNothing, rowOf } from "../harness/hostile.ts";
import { issueKey, MEMBER_SCOPES, valuesOfKey } from "../harness/keys.ts";
import { sql } from "../harness/sql.ts";
import { createTenant, personalOrganization } from "../harness/tenant.ts";
import { mintToken } from "../harness/tokens.ts";

const LATER = "2099-01-01T00:00:00Z";

Deno.test("a key hands on no more than it holds, straight at /rest/v1", async (t) => {
  const tenant = await createTenant();
  const { owner, organizationId } = tenant;

  /** The client that the token of a key would make of someone who got hold of it. */
  const tokenHolder = async ({ id, scopes }: { id: string; scopes: string[] }) => {
    const claims = { api_key_id: id, organization_id: organizationId, scopes };
    const token = await mintToken(owner.id, { claims });
    return (method: string, path: string, body?: unknown) => rest(method, path, { token, body });
  };
  const key = await issueKey(owner, ["keys:write", "pipelines:*"]);
  const send = await tokenHolder(key);
  const adds = async (as: typeof send, more: Record<string, unknown>) => {
    const values = { ...await valuesOfKey(organizationId), ...more };
    const { key_hash } = values;
    await addsNothing("api_keys", { key_hash }, () => as("POST", "/api_keys?select=id", values));
  };

  await t.step("its own scopes, and those of a domain that is all its own", async () => {
    const scopes = ["keys:write", "pipelines:run", "pipelines:*"];
    const values = { ...await valuesOfKey(organizationId), scopes };
    expect(await send("POST", "/api_keys?select=id", values), 201);
    for (const scope of ["keys:read", "keys:*", "audit:read"]) {
      await adds(send, { scopes: [...scopes, scope] });
    }
  });
  await t.step("not to one that it only changes or rotates", async () => {
    const other = await issueKey(owner, ["keys:write"]);
    const path = `/api_keys?id=eq.${other.id}&select=id`;
    for (const scopes of [["audit:read"], MEMBER_SCOPES]) {
      await changesNothing("api_keys", other.id, () => send("PATCH", path, { scopes }));
    }
    const mighty = await issueKey(owner, MEMBER_SCOPES);
    const record = (await createKey("test")).record;
    await addsNothing(
      "api_keys",
      { key_hash: record.key_hash },
      () => send("POST", "/rpc/rotate_api_key", { key_id: mighty.id, replacement: record }),
    );
    assert.equal((await rowOf("api_keys", mighty.id)).revoked_at, null);
  });
  await t.step("it stops also what holds more", async () => {
    const mighty = await issueKey(owner, MEMBER_SCOPES);
    const path = `/api_keys?id=eq.${mighty.id}&select=id`;
    expect(await send("PATCH", path, { is_active: false }), 200);
    await changesNothing("api_keys", mighty.id, () => send("PATCH", path, { is_active: true }));
    expect(await send("PATCH", path, { revoked_at: "now" }), 200);
  });
  await t.step("no longer life than its own", async () => {
    const expires_at = new Date(Date.now() + 3_600_000).toISOString();
    const mortal = await issueKey(owner, ["keys:write", "pipelines:read"], { expires_at });
    const as = await tokenHolder(mortal);
    const valid = { ...await valuesOfKey(organizationId), expires_at };
    const [{ id }] = expect(await as("POST", "/api_keys?select=id", valid), 201);
    for (const later of [null, LATER, "infinity"]) {
      await adds(as, { expires_at: later });
      for (const target of [id, mortal.id]) {
        const path = `/api_keys?id=eq.${target}&select=id`;
        await changesNothing("api_keys", target, () => as("PATCH", path, { expires_at: later }));
      }
    }
  });
  await t.step("nor than what is left of its grace", async () => {
    const old = await issueKey(owner, ["keys:write", "pipelines:read"]);
    await sql`update public.api_keys set revoked_at = now() + interval '1 hour' where id = ${old.id}`;
    await adds(await tokenHolder(old), { expires_at: null });
    await adds(await tokenHolder(old), { expires_at: LATER });
  });
  await t.step("nothing of another organization", async () => {
    const organization_id = await personalOrganization(owner);
    await adds(send, { organization_id });
    const foreign = await issueKey(owner.in(organization_id));
    assert.deepEqual((await send("GET", `/api_keys?select=id&id=eq.${foreign.id}`)).body, []);
  });
});
