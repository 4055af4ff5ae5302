import { type Options, stringify } from "csv-stringify/sync";
import { auditLogSchema } from "../schemas.ts";
import type { ExportFormat } from "./format.ts";

const columns = Object.keys(auditLogSchema.shape);

/**
 * Where a formula would begin inside a cell: where semicolons or bars separate cells, as in half of
 * the world's spreadsheets, the quotes of a later cell protect neither them nor line breaks.
 */
const FORMULA_INSIDE = /[;|\t\r\n](?=["'\s]*[=+\-@＝＋－＠])/g;

const options: Options = {
  columns,
  // A leading ' for what OWASP ("CSV Injection") lists: = + - @, tab, CR and the full-width forms.
  escape_formulas: true,
  cast: {
    string: (text) => text.replace(FORMULA_INSIDE, "$&'"),
    // JSON text has its own way to write the separators that it may hold.
    object: (value) =>
      JSON.stringify(value).replace(
        FORMULA_INSIDE,
        (separator) => separator === "|" ? "\\u007c" : "\\u003b",
      ),
  },
};

/** A row a line, `details` as JSON in one cell, safe to open in a spreadsheet. */
export const csv: ExportFormat = {
  contentType: "text/csv; charset=utf-8; header=present",
  extension: "csv",
  header: stringify([columns]),
  write: (rows) => stringify([...rows], options),
};
