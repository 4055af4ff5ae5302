import { z } from "zod";

/** Any value that JSON can hold: what flows between blocks, and what `jsonb` columns store. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** The zod schema of {@link Json}. */
export const jsonSchema: z.ZodType<Json> = z.json();

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
