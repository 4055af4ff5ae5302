import type { Json, JsonObject } from "@shared/json.ts";

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

/**
 * A JSON Schema of JSON Schemas: the keywords of 2020-12 with what they hold. The specification's own
 * leans on dynamic references, which add nothing here but time, as does that names are unique: a name
 * said twice harms nobody, and the validator compares each with each. Other keywords are notes.
 */
export const META_SCHEMA: JsonObject = {
  type: ["object", "boolean"],
  properties: {
    $ref: { type: "string", pattern: "^#(/.*)?$" },
    type: {
      if: { type: "array" },
      then: { items: { enum: TYPES }, minItems: 1 },
      else: { enum: TYPES },
    },
    enum: { type: "array", minItems: 1 },
    required: names,
    dependentRequired: { type: "object", additionalProperties: names },
    uniqueItems: { type: "boolean" },
    multipleOf: { type: "number", exclusiveMinimum: 0 },
    ...group(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"], number),
    ...group(["minLength", "maxLength", "minItems", "maxItems"], count),
    ...group(["minContains", "maxContains", "minProperties", "maxProperties"], count),
    ...group(["title", "description", "format", "pattern"], text),
    ...group(["allOf", "anyOf", "oneOf", "prefixItems"], schemas),
    ...group(
      ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"],
      named,
    ),
    ...group(["items", "contains", "additionalProperties", "propertyNames"], schema),
    ...group(["not", "if", "then", "else", "unevaluatedItems", "unevaluatedProperties"], schema),
  },
  // What would make a reference mean another place, or another document.
  not: {
    anyOf: ["$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef"].map((key) => ({
      type: "object",
      required: [key],
    })),
  },
};
