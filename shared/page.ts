import { ApiError } from "@shared/errors.ts";
import { z } from "zod";

/** Query of every list: `limit` rows (1 to 100), going on from a page's `next_cursor`. */
export const pageQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(50).describe("Rows a page, 1 to 100."),
  cursor: z.string().max(500).optional().describe("`next_cursor` of the page before."),
});

/** The schema of a list's answer. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({
    data: z.array(item),
    next_cursor: z.string().nullable().describe("Send it as `cursor`; null on the last page."),
  });

const positionSchema = z.tuple([z.string().max(64), z.uuid()]);

const encode = (position: [string, string]) =>
  btoa(JSON.stringify(position)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

/** The (time, id) of a cursor. @throws {ApiError} `invalid_cursor` */
export function decodeCursor(cursor: string): [time: string, id: string] {
  try {
    const position = positionSchema.parse(
      JSON.parse(atob(cursor.replaceAll("-", "+").replaceAll("_", "/"))),
    );
    // Parsed leniently, a time could bring a filter along.
    if (!/^[\dT :.+Z-]+$/.test(position[0])) throw new TypeError("not a time");
    return position;
  } catch (cause) {
    throw new ApiError("invalid_cursor", "The cursor is not one that this API gave", { cause });
  }
}

type Listing<Self> = {
  or(filter: string): Self;
  order(column: string, options: { ascending: boolean }): Self;
  limit(count: number): Self;
};

/**
 * Turns a query into the page asked for, newest first by (`column`, id). It asks for one row more
 * than a page holds: that row says that there is a next page.
 */
export function paginate<Query extends Listing<Query>>(
  query: Query,
  page: { limit: number; cursor?: string },
  column = "created_at",
): Query {
  const ordered = query.order(column, { ascending: false }).order("id", { ascending: false })
    .limit(page.limit + 1);
  if (!page.cursor) return ordered;
  const [time, id] = decodeCursor(page.cursor);
  return ordered.or(`${column}.lt."${time}",and(${column}.eq."${time}",id.lt.${id})`);
}

/**
 * `{data, next_cursor}` from the rows of a {@link paginate}d query; `isCut` when it ended early, for its
 * size, and more may follow.
 */
export function toPage<Row>(
  rows: Row[],
  limit: number,
  position: (row: Row) => [time: string, id: string],
  isCut = false,
): { data: Row[]; next_cursor: string | null } {
  const data = rows.slice(0, limit);
  const last = data.at(-1);
  const hasMore = isCut || rows.length > limit;
  return { data, next_cursor: hasMore && last ? encode(position(last)) : null };
}
