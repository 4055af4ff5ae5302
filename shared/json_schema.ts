import type { Schema, ValidationResult } from "@cfworker/json-schema";
import type { Json, JsonObject } from "@shared/json.ts";

/** A rule that a value breaks; `pointer` is a JSON pointer to the value, `""` for the whole. */
export type BrokenRule = { pointer: string; message: string };

/** The schema itself is none: what is wrong with it is the message. */
export class UnusableSchema extends Error {
  override readonly name = "UnusableSchema";
}

/**
 * Holds a value against a JSON Schema (2020-12) and returns the rules that it breaks, the innermost
 * alone: the others say that something inside them is wrong. Patterns match in linear time; nothing else is
 * bounded, so an author's schema is for `checkValue` in shared/json_schema_cost.ts.
 *
 * @throws {UnusableSchema}
 */
export async function brokenRules(schema: JsonObject, value: Json): Promise<BrokenRule[]> {
  const [{ Validator }, { LinearRegExpConstructor }] = await Promise.all([
    import("@cfworker/json-schema"),
    import("@shared/linear_regexp.ts"),
  ]);
  const { valid, errors } = withRegExp(LinearRegExpConstructor, () => {
    try {
      return new Validator(toSchema(schema), "2020-12", false).validate(value);
    } catch (error) {
      throw new UnusableSchema(error instanceof Error ? error.message : String(error));
    }
  });
  return valid ? [] : innermost(errors);
}

function innermost(errors: ValidationResult["errors"]): BrokenRule[] {
  // Walked up once each, however many there are: a sender chooses how many rules a value breaks.
  const outer = new Set<string>();
  for (const { instanceLocation } of errors) {
    let end = instanceLocation.lastIndexOf("/");
    while (end > 0 && !outer.has(instanceLocation.slice(0, end))) {
      outer.add(instanceLocation.slice(0, end));
      end = instanceLocation.lastIndexOf("/", end - 1);
    }
  }
  return errors.filter(({ instanceLocation }) => !outer.has(instanceLocation)).map((
    { instanceLocation, error },
  ) => ({ pointer: instanceLocation.slice(1), message: error }));
}

/** We hold JSON objects; the library's type lists the keywords it knows and admits the rest. */
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
