import { isJsonObject, type Json, type JsonObject } from "@shared/json.ts";

/** The keywords that hold a schema by name, a list of them, or one. */
export const MAPS = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];
export const LISTS = ["allOf", "anyOf", "oneOf", "prefixItems"];
export const SINGLES = [
  "items",
  "additionalProperties",
  "contains",
  "propertyNames",
  "unevaluatedItems",
  "unevaluatedProperties",
  "not",
  "if",
  "then",
  "else",
];
/** Those of them, and the reference, that speak of the value itself, not of one inside it. */
export const SAME_VALUE = [
  "$ref",
  "allOf",
  "anyOf",
  "oneOf",
  "not",
  "if",
  "then",
  "else",
  "dependentSchemas",
];

/** Formats whose check the validator makes by backtracking, or by compiling what a value says. */
const SLOW_FORMATS: readonly Json[] = ["url", "regex"];

const TYPES = ["string", "number", "integer", "boolean", "object", "array", "null"];
const schema: JsonObject = { $ref: "#" };
const schemas: JsonObject = { type: "array", minItems: 1, items: schema };
const named: JsonObject = { type: "object", additionalProperties: schema };
const names: JsonObject = { type: "array", items: { type: "string" } };
const count: JsonObject = { type: "integer", minimum: 0 };
const number: JsonObject = { type: "number" };
const text: JsonObject = { type: "string" };

const group = (keys: string[], value: Json): JsonObject =>
  Object.fromEntries(keys.map((key) => [key, value]));

const KEYWORDS: JsonObject = {
  $ref: { type: "string", pattern: "^#(/.*)?$" },
  type: {
    if: { type: "array" },
    then: { items: { enum: TYPES }, minItems: 1 },
    else: { enum: TYPES },
  },
  const: true,
  enum: { type: "array", minItems: 1 },
  required: names,
  dependentRequired: { type: "object", additionalProperties: names },
  uniqueItems: { type: "boolean" },
  multipleOf: { type: "number", exclusiveMinimum: 0 },
  ...group(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"], number),
  ...group(["minLength", "maxLength", "minItems", "maxItems"], count),
  ...group(["minContains", "maxContains", "minProperties", "maxProperties"], count),
  ...group(["title", "description", "format", "pattern"], text),
  ...group(MAPS, named),
  ...group(LISTS, schemas),
  ...group(SINGLES, schema),
};

/**
 * A JSON Schema of JSON Schemas: the keywords of 2020-12 with what they hold. The specification's own
 * leans on dynamic references, which add nothing here but time, as does that names are unique: a name
 * said twice harms nobody, and the validator compares each with each. Other keywords are notes.
 */
export const META_SCHEMA: JsonObject = {
  type: ["object", "boolean"],
  properties: KEYWORDS,
  // What would make a reference mean another place, or another document.
  not: {
    anyOf: ["$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef"].map((key) => ({
      type: "object",
      required: [key],
    })),
  },
};

/**
 * A schema without notes. The validator reads words of older drafts and marks of its own, too, and takes
 * what it finds in any note for a schema: it is given nothing but what was checked and weighed. A format
 * may be a note, too: the slow ones are.
 */
export function withoutNotes(schema: JsonObject): JsonObject {
  const one = (value: Json): Json => isJsonObject(value) ? withoutNotes(value) : value;
  const inside = (key: string, value: Json): Json => {
    if (SINGLES.includes(key)) return one(value);
    if (LISTS.includes(key) && Array.isArray(value)) return value.map(one);
    if (!MAPS.includes(key) || !isJsonObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, one(child)]));
  };
  return Object.fromEntries(
    Object.entries(schema).filter(([key, value]) =>
      Object.hasOwn(KEYWORDS, key) && !(key === "format" && SLOW_FORMATS.includes(value))
    )
      .map(([key, value]) => [key, inside(key, value)]),
  );
}
