import assert from "node:assert/strict";
import type postgres from "postgres";
import { rest } from "../harness/client.ts";
import { withSql } from "../harness/sql.ts";
import { TEST_TABLE_PREFIX } from "../harness/table.ts";
import { createTenant, type Tenant } from "../harness/tenant.ts";
import { MATRIX, type Minimum } from "./matrix.ts";
import { type Subject, subjectsOf } from "./subjects.ts";

const VERBS = ["select", "insert", "update", "delete"] as const;
const CALLERS = ["anon", "stranger", "member", "admin", "owner"] as const;
const RANK: readonly string[] = ["member", "admin", "owner"];

type Caller = typeof CALLERS[number];

const mayBy = (minimum: Minimum, caller: Caller) =>
  minimum !== "-" && RANK.includes(caller) && RANK.indexOf(caller) >= RANK.indexOf(minimum);

async function tokenOf(tenant: Tenant, caller: Caller): Promise<string | undefined> {
  if (caller === "anon") return undefined;
  return (caller === "stranger" ? await tenant.stranger() : await tenant.user(caller)).token;
}

/** Tries one verb for real and tells from the database's state whether it did something. */
async function attempt(
  sql: postgres.Sql,
  table: string,
  subject: Subject,
  verb: typeof VERBS[number],
  token: string | undefined,
): Promise<boolean> {
  const send = (method: string, path: string, body?: unknown) =>
    rest(method, `/${table}${path}`, { token, body, headers: { prefer: "return=minimal" } });

  if (verb === "insert") {
    const values = await subject.values();
    const count = async () => {
      const [row] = await sql`select count(*)::int as rows from ${sql(table)} t
        where to_jsonb(t) @> ${sql.json(JSON.parse(JSON.stringify(values)))}`;
      return row?.rows;
    };
    assert.equal(await count(), 0);
    await send("POST", "", values);
    return await count() > 0;
  }

  const id = await subject.row();
  const state = async () => {
    const [row] = await sql`select to_jsonb(t) as row from ${sql(table)} t where id = ${id}`;
    return JSON.stringify(row?.row);
  };
  const before = await state();
  assert.ok(before, "there is a row to try it on");
  if (verb === "select") {
    const { status, body } = await send("GET", `?id=eq.${id}`);
    return status === 200 && body.length === 1;
  }
  if (verb === "update") await send("PATCH", `?id=eq.${id}`, await subject.change());
  else await send("DELETE", `?id=eq.${id}`);
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
            const token = await tokenOf(tenant, caller);
            found[`${caller} ${verb}`] = await attempt(sql, table, subject, verb, token);
            expected[`${caller} ${verb}`] = mayBy(minimums[index] ?? "-", caller);
          }
        }
        assert.deepEqual(found, expected);
      });
    }
  });
});
