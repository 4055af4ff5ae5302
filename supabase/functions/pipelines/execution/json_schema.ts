import type { Json, JsonObject } from "@shared/json.ts";
import { UnusableSchema } from "@shared/json_schema.ts";
import { checkValue, CostlyCheck } from "@shared/json_schema_cost.ts";
import { StepError } from "./step_error.ts";

/** Broken rules that one error lists. */
const LISTED = 3;

/**
 * What one check may cost, in parts of the schema on one value. A table of 24 columns and 20,000 rows costs
 * 780,000 and takes a second and a half, as long as the computing of a step; the slowest checks of this cost
 * take some three times that.
 */
const MAX_COST = 1_000_000;

/**
 * Checks a value against a JSON Schema (2020-12).
 *
 * @param name what the value is to the author: `input` or `output`
 * @throws {StepError} `<name>_invalid` with the paths of the offending values, `schema_invalid`, or
 * `schema_too_costly` where the check would take too long
 */
export async function assertMatches(
  schema: JsonObject,
  value: Json,
  name: "input" | "output",
): Promise<void> {
  const broken = await checkValue(schema, value, MAX_COST).catch((error) => {
    if (error instanceof UnusableSchema) {
      throw new StepError({
        code: "schema_invalid",
        message: `${name}_schema can't be used: ${error.message}`,
      });
    }
    if (!(error instanceof CostlyCheck)) throw error;
    throw new StepError({
      code: "schema_too_costly",
      message: `${name} is too large to be checked against so large an ${name}_schema`,
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
