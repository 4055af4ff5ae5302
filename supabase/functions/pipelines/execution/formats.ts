import { isJsonObject, type Json, parseJson } from "@shared/json.ts";
import type { CsvError } from "csv-parse/sync";
import { jsonErrorOffset, positionAt } from "./json_position.ts";
import { StepError } from "./step_error.ts";

/** How rows are written as text. */
export type RowFormat = "csv" | "json" | "ndjson";

/** The media type of each format. */
export const MEDIA_TYPES: Record<RowFormat, string> = {
  csv: "text/csv",
  json: "application/json",
  ndjson: "application/x-ndjson",
};

/**
 * Reads rows from text.
 *
 * A csv needs a header line. A cell that is written as a JSON number becomes one when no digit is
 * lost, `true` and `false` become booleans, an empty cell null; all else (`007`, dates) stays text.
 *
 * @throws {StepError} `csv_invalid`, `json_invalid` or `ndjson_invalid`, with the line
 */
export function parseRows(text: string, format: RowFormat): Promise<Json[]> {
  const parsers = { csv: parseCsv, json: parseJsonRows, ndjson: parseNdjson };
  // The other parsers are synchronous: as parts of a promise, they reject rather than throw.
  return Promise.resolve(text.replace(/^\uFEFF/, "")).then(parsers[format]);
}

/**
 * Writes rows as text. A csv has a column for each key that any row has, in order of appearance;
 * null is an empty cell, an object or array in a cell is written as JSON.
 *
 * @throws {StepError} `row_invalid` when a csv row is not an object
 */
export async function serializeRows(rows: Json[], format: RowFormat): Promise<string> {
  if (format === "json") return JSON.stringify(rows);
  if (format === "ndjson") return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  const objects = rows.map((row, index) => {
    if (isJsonObject(row)) return row;
    throw new StepError({ code: "row_invalid", message: `row ${index + 1} is not an object` });
  });
  const { stringify } = await import("csv-stringify/sync");
  const columns = [...new Set(objects.flatMap((row) => Object.keys(row)))];
  // Rows go as arrays: a key with a dot or bracket would be taken for a path.
  return stringify(objects.map((row) => columns.map((column) => row[column] ?? null)), {
    header: true,
    columns,
    cast: { boolean: String, object: (value) => JSON.stringify(value) },
  });
}

async function parseCsv(text: string): Promise<Json[]> {
  const { CsvError, parse } = await import("csv-parse/sync");
  try {
    const [header, ...records] = parse(text, { skip_empty_lines: true });
    if (header === undefined) return [];
    checkHeader(header);
    return records.map((cells) => {
      return Object.fromEntries(header.map((name, i) => [name, parseCell(cells[i] ?? "")]));
    });
  } catch (error) {
    throw error instanceof CsvError ? csvFailure(error) : error;
  }
}

function csvFailure(error: CsvError): StepError {
  const line = typeof error.lines === "number" ? error.lines : undefined;
  const known = line === undefined || error.message.includes(`line ${line}`);
  const message = known ? error.message : `${error.message} on line ${line}`;
  return new StepError({ code: "csv_invalid", message, position: { line } });
}

function checkHeader(names: string[]): void {
  const fault = names.find((name, i) => name === "" || names.indexOf(name) !== i);
  if (fault === undefined) return;
  const message = fault === ""
    ? "a column of the header on line 1 has no name"
    : `the header on line 1 names the column "${fault}" twice`;
  throw new StepError({ code: "csv_invalid", message, position: { line: 1 } });
}

const NUMBER = /^-?(?:0|[1-9]\d*)(\.\d+)?(?:[eE][+-]?\d+)?$/;
/** Decimal digits that a double always keeps. */
const SAFE_DIGITS = 15;

function parseCell(cell: string): Json {
  if (cell === "") return null;
  if (cell === "true" || cell === "false") return cell === "true";
  const match = NUMBER.exec(cell);
  if (match === null) return cell;
  const number = Number(cell);
  const digits = cell.replace(/[eE].*$/, "").replace(/\D/g, "").replace(/^0+|0+$/g, "");
  const safe = Number.isFinite(number) &&
    (digits.length <= SAFE_DIGITS || String(number) === cell);
  return safe ? number : cell;
}

function parseJsonRows(text: string): Json[] {
  const value = parseAt(text, 1, "json_invalid");
  if (Array.isArray(value)) return value;
  throw new StepError({ code: "json_invalid", message: "the text is not a JSON array of rows" });
}

function parseNdjson(text: string): Json[] {
  return text.split(/\r?\n/).flatMap((line, index) =>
    line.trim() === "" ? [] : [parseAt(line, index + 1, "ndjson_invalid")]
  );
}

function parseAt(text: string, firstLine: number, code: string): Json {
  try {
    return parseJson(text);
  } catch {
    const offset = jsonErrorOffset(text);
    const { line, column } = positionAt(text, offset);
    const position = { line: line + firstLine - 1, column, offset };
    const what = offset === text.length ? "ends too early" : "is not JSON";
    const message = `the text ${what} on line ${position.line}, column ${column}`;
    throw new StepError({ code, message, position });
  }
}
