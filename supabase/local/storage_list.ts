import { z } from "zod";

/** What a client asks of a listing. */
export const ListQuery = z.object({
  prefix: z.string().default(""),
  limit: z.number().default(100),
  offset: z.number().default(0),
  search: z.string().default(""),
  sortBy: z.object({ column: z.string(), order: z.string().default("asc") })
    .default({ column: "name", order: "asc" }),
});
export type ListQuery = z.infer<typeof ListQuery>;

const Found = z.array(z.object({ name: z.string() }).loose());
type Entry = { name: string; [column: string]: unknown };

/**
 * Makes the hosted API's listing of one folder from all objects under it: names without the
 * folder's, and folders in it as entries without an id, before the objects.
 */
export function listFolder(objects: unknown, query: ListQuery): Entry[] {
  const prefix = query.prefix === "" ? "" : `${query.prefix.replace(/\/+$/, "")}/`;
  const under = Found.parse(objects)
    .filter(({ name }) => name.startsWith(prefix))
    .map((object) => ({ ...object, name: object.name.slice(prefix.length) }))
    .filter(({ name }) => name.toLowerCase().includes(query.search.toLowerCase()));
  const files = under.filter(({ name }) => !name.includes("/"));
  const folderNames = new Set(
    under.filter(({ name }) => name.includes("/")).map(({ name }) => name.split("/")[0] ?? ""),
  );
  const { column, order } = query.sortBy;
  const direction = order.toLowerCase() === "desc" ? -1 : 1;
  const folders = [...folderNames].map(folder).sort(by("name", direction));
  return [...folders, ...files.sort(by(column, direction))]
    .slice(query.offset, query.offset + query.limit);
}

function folder(name: string): Entry {
  return {
    name,
    id: null,
    updated_at: null,
    created_at: null,
    last_accessed_at: null,
    metadata: null,
  };
}

function by(column: string, direction: 1 | -1) {
  return (a: Entry, b: Entry) => {
    const [left, right] = [String(a[column]), String(b[column])];
    return left === right ? 0 : left < right ? -direction : direction;
  };
}
