import type { Database } from "@shared/database.types.ts";

/** A row of the log, as PostgREST gives it. */
export type LogRow = Database["public"]["Tables"]["audit_logs"]["Row"];

/** One way to write the log down: pure text, so that a page can be written without the ones before. */
export type ExportFormat = {
  contentType: string;
  /** The file name's end, without the dot. */
  extension: string;
  /** The first line with its line break; empty where the format has none. */
  header: string;
  /** Whole lines, one a row, each with its line break. */
  write(rows: readonly LogRow[]): string;
};

/** One JSON text a line, as `application/x-ndjson` has it. */
export const toLines = (values: readonly unknown[]): string =>
  values.map((value) => `${JSON.stringify(value)}\n`).join("");
