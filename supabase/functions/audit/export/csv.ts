import { type Options, stringify } from "csv-stringify/sync";
import { auditLogSchema } from "../schemas.ts";
import type { ExportFormat } from "./format.ts";

const columns = Object.keys(auditLogSchema.shape);

/**
 * Where a formula would begin inside a cell: where semicolons separate cells, as in half of the
 * world's spreadsheets, the quotes of a later cell protect neither them nor line breaks.
 */
const FORMULA_INSIDE = /[;\t\r\n](?=[=+\-@＝＋－＠])/g;

const options: Options = {
  columns,
  // A leading ' for what OWASP ("CSV Injection") lists: = + - @, tab, CR and the full-width forms.
  escape_formulas: true,
  cast: {
    string: (text) => text.replace(FORMULA_INSIDE, "$&'"),
    // JSON text has none of the separators but the semicolon, and has its own way to write that.
    object: (value) => JSON.stringify(value).replace(FORMULA_INSIDE, "\\u003b"),
  },
};

/** A row a line, `details` as JSON in one cell, safe to open in a spreadsheet. */
export const csv: ExportFormat = {
  contentType: "text/csv; charset=utf-8; header=present",
  extension: "csv",
  header: stringify([columns]),
  write: (rows) => stringify([...rows], options),
};
