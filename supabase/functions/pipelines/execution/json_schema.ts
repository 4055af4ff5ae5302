import type { Schema, ValidationResult } from "@cfworker/json-schema";
import { type Json, type JsonObject } from "@shared/json.ts";
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
  const [{ Validator }, { LinearRegExpConstructor }] = await Promise.all([
    import("@cfworker/json-schema"),
    import("./linear_regexp.ts"),
  ]);
  const { valid, errors } = withRegExp(LinearRegExpConstructor, () => {
    try {
      return new Validator(toSchema(schema), "2020-12", false).validate(value);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new StepError({
        code: "schema_invalid",
        message: `${name}_schema can't be used: ${reason}`,
      });
    }
  });
  if (valid) return;
  throw new StepError({ code: `${name}_invalid`, message: describe(errors, name) });
}

/** Only the innermost errors: the others say that something inside them is wrong. */
function describe(errors: ValidationResult["errors"], name: string): string {
  const paths = errors.map(({ instanceLocation }) => instanceLocation);
  const innermost = errors.filter(({ instanceLocation }) =>
    !paths.some((path) => path.startsWith(`${instanceLocation}/`))
  );
  const listed = innermost.slice(0, LISTED).map(({ instanceLocation, error }) =>
    `${name}${instanceLocation.slice(1)}: ${error}`
  );
  const more = innermost.length - listed.length;
  return `${name} does not match ${name}_schema: ${listed.join("; ")}` +
    (more > 0 ? `; and ${more} more` : "");
}

/** Our specs hold JSON objects; the library's type lists the keywords it knows and admits the rest. */
function toSchema(schema: JsonObject): Schema {
  return { ...schema };
}

/**
 * Lets `work`, which must not await, see another RegExp: the validator builds the schema's patterns
 * with the global one, and a tenant's pattern could stall the process for hours.
 */
function withRegExp<T>(constructor: RegExpConstructor, work: () => T): T {
  const original = globalThis.RegExp;
  globalThis.RegExp = constructor;
  try {
    return work();
  } finally {
    globalThis.RegExp = original;
  }
}
