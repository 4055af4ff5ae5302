import assert from "node:assert/strict";
import type postgres from "postgres";
import { z } from "zod";
import { fillAuditLog } from "../bench/audit_rows.ts";
import { type Query, sampleSearches } from "../bench/audit_searches.ts";
import { Server } from "../harness/server.ts";
import { HAS_SERVER } from "../local/postgres_server.ts";

const ROWS = 20_000;
const MONTHS = 4;
const PAGE = 50;
/** What a page may read to be found: a fraction of the log, and less than any month of it. */
const MOST_ROWS_READ = 400;

const nodeSchema = z.object({
  "Node Type": z.string(),
  "Index Name": z.string().optional(),
  "Relation Name": z.string().optional(),
  "Actual Rows": z.number().optional(),
  "Rows Removed by Filter": z.number().optional(),
  "Rows Removed by Index Recheck": z.number().optional(),
  get Plans() {
    return z.array(nodeSchema).optional();
  },
});
type Node = z.infer<typeof nodeSchema>;

Deno.test("each filter of the log is read by an index", { ignore: !HAS_SERVER }, async (t) => {
  await Server.with(async (server) => {
    const { userId, organizationId } = await server.createTeam();
    const sql = await server.sql.reserve();
    try {
      await fillAuditLog(sql, { userId, organizationId, rows: ROWS, months: MONTHS });
      const searches = await sampleSearches(sql, organizationId);
      for (const [name, search] of searches) {
        await t.step(name, async () => {
          const values = { organizationId, userId, ...search.next(), onlyOwn: false };
          const newest = await explain(sql, { ...values, oldestFirst: false });
          const oldest = await explain(sql, { ...values, oldestFirst: true });
          for (const plan of [newest, oldest]) {
            assertIndexed(plan);
            assert.equal(plan["Actual Rows"] === 0, name === "q, unknown");
          }
        });
      }
      await t.step("and what a member did", async () => {
        const values = { organizationId, userId, filters: {}, onlyOwn: true };
        assertIndexed(await explain(sql, { ...values, oldestFirst: false }));
      });
    } finally {
      sql.release();
    }
  });
});

type Values = Query & {
  organizationId: string;
  userId: string;
  onlyOwn: boolean;
  oldestFirst: boolean;
};

/** The plan of a search's statement, run with these values as the search itself runs it. */
async function explain(sql: postgres.Sql, values: Values): Promise<Node> {
  const { organizationId, userId, onlyOwn, oldestFirst, after } = values;
  const filters = JSON.stringify({ ...values.filters, ...(after ? { after } : {}) });
  const [row] = await sql<{ statement: string }[]>`
    select private.audit_logs_query(${filters}::text::jsonb, ${onlyOwn}, ${oldestFirst}) as statement`;
  // The search plans its statement each time anew.
  await sql`set plan_cache_mode = force_custom_plan`;
  await sql.unsafe(
    `prepare search (uuid, jsonb, timestamptz, uuid, integer, uuid, timestamptz, timestamptz) as
     ${row?.statement}`,
  );
  const [page] = await sql<{ page: string }[]>`
    select format('execute search(%L, %L, %L, %L, %s, %L, %L, %L)', ${organizationId}::text,
      ${filters}::text, ${after?.occurred_at ?? null}::text, ${after?.id ?? null}::text,
      ${PAGE + 1}::integer, ${userId}::text, '-infinity', 'infinity') as page`;
  const [answer] = await sql.unsafe(`explain (analyze, timing off, format json) ${page?.page}`);
  await sql`deallocate search`;
  const [{ Plan }] = z.tuple([z.object({ Plan: nodeSchema })]).parse(answer?.["QUERY PLAN"]);
  return Plan;
}

function assertIndexed(plan: Node): void {
  const scans = nodesOf(plan).filter((node) => node["Relation Name"] !== undefined);
  const readBy = new Map(scans.map((node) => [node, rowsRead(node)]));
  const told = JSON.stringify(plan, null, 1);
  for (const [node, rows] of readBy) {
    // The months to come are empty: without an index they are read as fast.
    if (node["Node Type"] === "Seq Scan") assert.equal(rows, 0, told);
  }
  const read = [...readBy.values()].reduce((sum, rows) => sum + rows, 0);
  assert.ok(read <= MOST_ROWS_READ, `${read} rows were read for a page\n${told}`);
}

const nodesOf = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

const rowsRead = (node: Node): number =>
  (node["Actual Rows"] ?? 0) + (node["Rows Removed by Filter"] ?? 0) +
  (node["Rows Removed by Index Recheck"] ?? 0);
