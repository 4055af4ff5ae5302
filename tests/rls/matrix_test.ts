import assert from "node:assert/strict";
import type postgres from "postgres";
import { rest } from "../harness/client.ts";
import { ALL_SCOPES } from "../harness/keys.ts";
import { withSql } from "../harness/sql.ts";
import { TEST_TABLE_PREFIX } from "../harness/table.ts";
import { createTenant, personalOrganization, type Tenant } from "../harness/tenant.ts";
import { mintToken } from "../harness/tokens.ts";
import { MATRIX, type Minimum } from "./matrix.ts";
import type { Subject } from "./subject.ts";
import { subjectsOf } from "./subjects.ts";

const VERBS = ["select", "insert", "update", "delete"] as const;
/** `key` is an admin's for the row's organization, `foreign key` the same admin's for their own. */
const CALLERS = ["anon", "stranger", "member", "admin", "owner", "key", "foreign key"] as const;
const RANK: readonly string[] = ["member", "admin", "owner"];

type Caller = typeof CALLERS[number];

function mayBy(minimum: Minimum, caller: Caller): boolean {
  const role = caller === "key" ? "admin" : caller;
  return minimum !== "-" && RANK.includes(role) && RANK.indexOf(role) >= RANK.indexOf(minimum);
}

/** The token that a caller meets a row of this organization with. */
async function tokenOf(
  tenant: Tenant,
  caller: Caller,
  organizationId: string,
): Promise<string | undefined> {
  if (caller === "anon") return undefined;
  if (caller === "stranger") return (await tenant.stranger()).token;
  if (caller !== "key" && caller !== "foreign key") return (await tenant.user(caller)).token;
  const admin = await tenant.user("admin");
  const claims = {
    api_key_id: crypto.randomUUID(),
    organization_id: caller === "key" ? organizationId : await personalOrganization(admin),
    scopes: ALL_SCOPES,
  };
  return await mintToken(admin.id, { claims });
}

/** Tries one verb for real and tells from the database's state whether it did something. */
async function attempt(
  sql: postgres.Sql,
  table: string,
  subject: Subject,
  verb: typeof VERBS[number],
  tokenFor: (organizationId?: string) => Promise<string | undefined>,
): Promise<boolean> {
  const by = async (
    token: Promise<string | undefined>,
    method: string,
    path: string,
    body?: unknown,
  ) =>
    rest(method, `/${table}${path}`, {
      token: await token,
      body,
      headers: { prefer: "return=minimal" },
    });

  if (verb === "insert") {
    const values = await subject.values();
    const count = async () => {
      const [row] = await sql`select count(*)::int as rows from ${sql(table)} t
        where to_jsonb(t) @> ${sql.json(JSON.parse(JSON.stringify(values)))}`;
      return row?.rows;
    };
    assert.equal(await count(), 0);
    await by(tokenFor(), "POST", "", values);
    return await count() > 0;
  }

  const id = await subject.row();
  // Each organization to try something on is one of its own.
  const token = tokenFor(table === "organizations" ? id : undefined);
  const state = async () => {
    const [row] = await sql`select to_jsonb(t) as row from ${sql(table)} t where id = ${id}`;
    return JSON.stringify(row?.row);
  };
  const before = await state();
  assert.ok(before, "there is a row to try it on");
  if (verb === "select") {
    const { status, body } = await by(
      token,
      "GET",
      `?id=eq.${id}&select=${subject.columns ?? "*"}`,
    );
    return status === 200 && body.length === 1;
  }
  if (verb === "update") await by(token, "PATCH", `?id=eq.${id}`, await subject.change());
  else await by(token, "DELETE", `?id=eq.${id}`);
  return await state() !== before;
}

Deno.test("rights at /rest/v1, table by table", async (t) => {
  const tenant = await createTenant();
  await withSql(async (sql) => {
    const subjects = subjectsOf(sql, tenant);

    await t.step("every table is in the matrix", async () => {
      const rows = await sql`
        select c.relname as name from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
          and not starts_with(c.relname, ${TEST_TABLE_PREFIX})`;
      const tables = rows.map(({ name }) => name).toSorted();
      assert.deepEqual(Object.keys(MATRIX).toSorted(), tables);
      assert.deepEqual(Object.keys(subjects).toSorted(), tables);
    });

    for (const [table, minimums] of Object.entries(MATRIX)) {
      await t.step(table, async () => {
        const subject = subjects[table];
        assert.ok(subject);
        const found: Record<string, boolean> = {};
        const expected: Record<string, boolean> = {};
        for (const [index, verb] of VERBS.entries()) {
          for (const caller of CALLERS) {
            const tokenFor = (id?: string) => tokenOf(tenant, caller, id ?? tenant.organizationId);
            found[`${caller} ${verb}`] = await attempt(sql, table, subject, verb, tokenFor);
            expected[`${caller} ${verb}`] = mayBy(minimums[index] ?? "-", caller);
          }
        }
        assert.deepEqual(found, expected);
      });
    }
  });
});
