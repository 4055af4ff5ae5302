import assert from "node:assert/strict";
import type { Answer, Body } from "./answer.ts";
import { withSql } from "./sql.ts";

/** A row as it is, past RLS; undefined when it is gone. */
export async function rowOf(table: string, id: string): Promise<Body> {
  const [found] = await withSql((sql) =>
    sql`select to_jsonb(t) as row from public.${sql(table)} t where id = ${id}`
  );
  return found?.row;
}

/** An attempt that must leave a row as it was, whatever it answers. */
export async function changesNothing(
  table: string,
  id: string,
  attempt: () => Promise<Answer>,
): Promise<Answer> {
  const before = await rowOf(table, id);
  assert.ok(before, `there is a row of ${table} to attack`);
  const answer = await attempt();
  assert.deepEqual(await rowOf(table, id), before, `answered ${answer.status} and did it`);
  return answer;
}

/** An attempt that must be refused and must add no row that holds these values. */
export async function addsNothing(
  table: string,
  values: Record<string, string | number | boolean>,
  attempt: () => Promise<Answer>,
): Promise<void> {
  const count = async () => {
    const [row] = await withSql((sql) =>
      sql`select count(*)::int as rows from public.${sql(table)} t where to_jsonb(t) @> ${
        sql.json(values)
      }`
    );
    return row?.rows;
  };
  const before = await count();
  const { status, body } = await attempt();
  assert.equal(await count(), before, `answered ${status} and did it`);
  assert.ok(status >= 400, `answered ${status}: ${JSON.stringify(body)}`);
}
