import { isJsonObject, type Json, type JsonObject } from "@shared/json.ts";
import { type BrokenRule, brokenRules, UnusableSchema } from "@shared/json_schema.ts";
import {
  entriesOf,
  readSchema,
  resolve,
  type SoundSchema,
  weighCompared,
  weighText,
} from "@shared/json_schema_size.ts";

/** A check of this value would take too long. */
export class CostlyCheck extends Error {
  override readonly name = "CostlyCheck";
}

/** Names or items that are listed as quickly as one part of a schema is checked on one value. */
const LISTED = 16;
/** Values that uniqueItems compares in that time. */
const COMPARISONS = 500;
/** Levels that a broken rule is carried up in that time. */
const DEPTH = 256;
/** A format reads a text as slowly as if it were so many times as long. */
const FORMAT = 4;

const prepared = new WeakMap<JsonObject, ReturnType<typeof readSchema>>();

/**
 * Holds a value against an author's JSON Schema (2020-12), as `brokenRules` does, if that costs no more
 * than it may: 1 for each part of the schema on each value that it applies to, and more for long ones.
 *
 * @throws {UnusableSchema}
 * @throws {CostlyCheck}
 */
export async function checkValue(
  schema: JsonObject,
  value: Json,
  maxCost: number,
): Promise<BrokenRule[]> {
  const reading = prepared.get(schema) ?? readSchema(schema);
  prepared.set(schema, reading);
  const read = await reading;
  if ("errors" in read) {
    const [{ path, message } = { path: "", message: "" }] = read.errors;
    throw new UnusableSchema(path === "" ? message : `${path.slice(1)}: ${message}`);
  }
  try {
    assertCheap(read, value, maxCost);
  } catch (error) {
    if (error instanceof RangeError) throw new UnusableSchema(error.message);
    throw error;
  }
  return await brokenRules(read.schema, value);
}

/** A part of a schema: what it costs by itself, and the parts that apply to the same value. */
type Part = { weight: number; same: Json[] };

/**
 * Goes the way that the validator will go, without its work. It is counted as if each property matched
 * each pattern, and as if each rule were broken: no more than a sum is known before.
 *
 * @throws {CostlyCheck}
 */
function assertCheap({ schema: root, patterns }: SoundSchema, whole: Json, maxCost: number): void {
  const parts = new Map<JsonObject, Part>();
  const partOf = (schema: JsonObject): Part => {
    const known = parts.get(schema);
    if (known) return known;
    const { $ref, allOf, anyOf, oneOf, not, if: condition, then, else: otherwise } = schema;
    const target = typeof $ref === "string" ? resolve(root, $ref) : undefined;
    const same = [target, not, condition, then, otherwise, allOf, anyOf, oneOf].flat();
    const names = [schema.properties, schema.dependentSchemas].flatMap(entriesOf);
    const part = {
      weight: weighCompared(schema) + names.length / LISTED,
      same: same.filter((inside) => inside !== undefined),
    };
    parts.set(schema, part);
    return part;
  };

  const listed = new Map<JsonObject, string[]>();
  const namesOf = (value: JsonObject): string[] => {
    const names = listed.get(value) ?? Object.keys(value);
    listed.set(value, names);
    return names;
  };

  let cost = 0;
  const pay = (units: number) => {
    cost += units;
    if (cost > maxCost) throw new CostlyCheck("The value is too large for so large a schema");
  };
  const match = (pattern: Json | undefined, text: string) => {
    if (typeof pattern === "string") pay((patterns.get(pattern) ?? 0) * (1 + weighText(text)));
  };

  const visit = (schema: Json | undefined, value: Json, depth: number): void => {
    if (schema === undefined) return;
    pay(1 + depth / DEPTH);
    if (!isJsonObject(schema)) return;
    const { weight, same } = partOf(schema);
    pay(weight);
    for (const part of same) visit(part, value, depth + 1);
    if (typeof value === "string") {
      pay(weighText(value) * (schema.format === undefined ? 1 : FORMAT));
      match(schema.pattern, value);
    } else if (Array.isArray(value)) visitItems(schema, value, depth + 1);
    else if (isJsonObject(value)) visitMembers(schema, value, depth + 1);
  };

  const visitItems = (schema: JsonObject, items: Json[], depth: number) => {
    const { prefixItems, contains, unevaluatedItems } = schema;
    pay(items.length / LISTED);
    if (schema.uniqueItems === true) pay(items.length * count(items) / COMPARISONS);
    const first = Array.isArray(prefixItems) ? prefixItems : [];
    items.forEach((item, index) => {
      visit(index < first.length ? first[index] : schema.items, item, depth);
      visit(contains, item, depth);
      visit(unevaluatedItems, item, depth);
    });
  };

  const visitMembers = (schema: JsonObject, value: JsonObject, depth: number) => {
    const { propertyNames, additionalProperties, unevaluatedProperties, properties } = schema;
    const names = namesOf(value);
    pay(names.length / LISTED);
    const visitMember = (part: Json | undefined, name: string, member = value[name]) => {
      if (part === undefined || member === undefined) return;
      pay(weighText(name));
      visit(part, member, depth);
    };
    for (const [name, part] of entriesOf(properties)) {
      if (Object.hasOwn(value, name)) visitMember(part, name);
    }
    for (const [name, part] of entriesOf(schema.dependentSchemas)) {
      if (Object.hasOwn(value, name)) visit(part, value, depth);
    }
    for (const [pattern, part] of entriesOf(schema.patternProperties)) {
      match(pattern, "");
      for (const name of names) {
        match(pattern, name);
        visitMember(part, name);
      }
    }
    const rest = [propertyNames, additionalProperties, unevaluatedProperties];
    if (rest.every((part) => part === undefined)) return;
    const own = isJsonObject(properties) ? properties : {};
    for (const name of names) {
      visitMember(propertyNames, name, name);
      if (!Object.hasOwn(own, name)) visitMember(additionalProperties, name);
      visitMember(unevaluatedProperties, name);
    }
  };

  visit(root, whole, 0);
}

/** What comparing a value takes: its names are listed anew each time. */
function count(value: Json): number {
  if (typeof value !== "object" || value === null) return 1;
  return Object.values(value).reduce<number>((sum, inside) => sum + count(inside), LISTED);
}
