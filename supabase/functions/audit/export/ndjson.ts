import { type ExportFormat, toLines } from "./format.ts";

/** A row a line, as `GET /audit/logs` shows it. */
export const ndjson: ExportFormat = {
  contentType: "application/x-ndjson",
  extension: "ndjson",
  header: "",
  write: toLines,
};
