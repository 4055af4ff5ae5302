import { z } from "zod";

/** Any value that JSON can hold: what flows between blocks, and what `jsonb` columns store. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** The zod schema of {@link Json}. */
export const jsonSchema: z.ZodType<Json> = z.custom<Json>(
  // Whatever reaches a schema was parsed from JSON: to walk it again would cost ten times the parsing.
  (value) => value !== undefined,
  "Required",
);

/** A JSON object, as opposed to an array, a scalar or null. */
export type JsonObject = { [key: string]: Json };

/** Tells a JSON object from every other JSON value. */
export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Parses JSON text. `JSON.parse` returns nothing but JSON values, which its own type doesn't say.
 *
 * @throws {SyntaxError} when the text is not JSON
 */
export function parseJson(text: string): Json {
  const value: Json = JSON.parse(text);
  return value;
}

const [QUOTE, BACKSLASH, BRACKET, CLOSING_BRACKET, BRACE, CLOSING_BRACE] = [
  34,
  92,
  91,
  93,
  123,
  125,
];

/** Text that Postgres can hold: NUL is shown as ␀, and half of a surrogate pair as �. */
export const storableText = (text: string): string => text.toWellFormed().replaceAll("\0", "␀");

/** Whether JSON text nests deeper than `levels`; found by one pass over it, without recursion. */
export function nestsDeeper(text: string, levels: number): boolean {
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const char = text.charCodeAt(index);
    if (quoted) {
      if (char === BACKSLASH) index++;
      else if (char === QUOTE) quoted = false;
    } else if (char === QUOTE) quoted = true;
    else if (char === CLOSING_BRACKET || char === CLOSING_BRACE) depth--;
    else if ((char === BRACKET || char === BRACE) && ++depth > levels) return true;
  }
  return false;
}
