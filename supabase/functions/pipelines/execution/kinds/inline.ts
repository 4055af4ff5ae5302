import type { Json } from "@shared/json.ts";
import type { DatasetOf } from "./specs.ts";

/** The rows that the version holds. */
export function readInline({ rows }: DatasetOf<"inline">): Promise<Json> {
  return Promise.resolve(rows);
}
