import type { Json, JsonObject } from "@shared/json.ts";
import { brokenRules, UnusableSchema } from "@shared/json_schema.ts";
import { StepError } from "./step_error.ts";

/** Broken rules that one error lists. */
const LISTED = 3;

/**
 * Checks a value against a JSON Schema (2020-12).
 *
 * @param name what the value is to the author: `input` or `output`
 * @throws {StepError} `<name>_invalid` with the paths of the offending values, or `schema_invalid`
 */
export async function assertMatches(
  schema: JsonObject,
  value: Json,
  name: "input" | "output",
): Promise<void> {
  const broken = await brokenRules(schema, value).catch((error) => {
    if (!(error instanceof UnusableSchema)) throw error;
    throw new StepError({
      code: "schema_invalid",
      message: `${name}_schema can't be used: ${error.message}`,
    });
  });
  if (broken.length === 0) return;
  const listed = broken.slice(0, LISTED).map(({ pointer, message }) =>
    `${name}${pointer}: ${message}`
  );
  const more = broken.length - listed.length;
  throw new StepError({
    code: `${name}_invalid`,
    message: `${name} does not match ${name}_schema: ${listed.join("; ")}` +
      (more > 0 ? `; and ${more} more` : ""),
  });
}
