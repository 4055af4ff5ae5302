import type { PostgrestResponse } from "@supabase/postgrest-js";
import { unwrap } from "@shared/database.ts";

/** Rows asked for at once; as many as a hosted project lets pass, unless it is set up otherwise. */
const PAGE = 1000;

/**
 * All rows of a query, whatever number the project lets pass in one answer.
 * @param page the query from one row to another; ordered, and with `count: "exact"`
 */
export async function readAll<Row>(
  page: (from: number, to: number) => PromiseLike<PostgrestResponse<Row>>,
): Promise<Row[]> {
  const rows: Row[] = [];
  while (true) {
    const answer = await page(rows.length, rows.length + PAGE - 1);
    const more = await unwrap(Promise.resolve(answer));
    rows.push(...more);
    if (more.length === 0 || rows.length >= (answer.count ?? 0)) return rows;
  }
}
