import { isJsonObject, type Json, type JsonObject } from "@shared/json.ts";

/** How deep a schema that contains itself is followed. */
const DEPTH = 8;

/** The smallest value that a JSON Schema lets pass, of those that are easily found. */
export function instanceOf(
  schema: Json | undefined,
  root: Json | undefined = schema,
  depth = 0,
): Json {
  if (!isJsonObject(schema) || depth > DEPTH) return null;
  const inside = (part: Json | undefined) => instanceOf(part, root, depth + 1);
  if (typeof schema.$ref === "string") return inside(find(root, schema.$ref));
  if (schema.const !== undefined) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum[0] ?? null;
  for (const choice of [schema.anyOf, schema.oneOf]) {
    if (Array.isArray(choice)) return inside(choice[0]);
  }
  if (Array.isArray(schema.allOf)) {
    const parts = schema.allOf.map(inside).filter(isJsonObject);
    return Object.assign({}, ...parts);
  }
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type ?? (schema.properties ? "object" : "string")) {
    case "object":
      return objectOf(schema, inside);
    case "array":
      return Array.from({ length: numberOf(schema.minItems) }, () => inside(schema.items));
    case "string":
      return textOf(schema);
    case "integer":
    case "number":
      return lowest(schema);
    case "boolean":
      return true;
    default:
      return null;
  }
}

function objectOf(schema: JsonObject, inside: (part: Json | undefined) => Json): JsonObject {
  const properties = isJsonObject(schema.properties) ? schema.properties : {};
  // Strict schemas require all; of others what is not required may well be given.
  return Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [name, inside(property)]),
  );
}

const FORMATS: Readonly<Record<string, string>> = {
  date: "2026-01-01",
  "date-time": "2026-01-01T00:00:00Z",
  email: "demo@example.com",
  uri: "https://example.com",
  uuid: "00000000-0000-4000-8000-000000000000",
};

function textOf({ format, minLength, maxLength }: JsonObject): string {
  const text = FORMATS[String(format)] ?? "demo".padEnd(numberOf(minLength), "-");
  return typeof maxLength === "number" ? text.slice(0, maxLength) : text;
}

function lowest({ minimum, exclusiveMinimum, maximum }: JsonObject): number {
  if (typeof minimum === "number") return minimum;
  if (typeof exclusiveMinimum === "number") return exclusiveMinimum + 1;
  return typeof maximum === "number" ? Math.min(1, maximum) : 1;
}

const numberOf = (value: Json | undefined) => typeof value === "number" ? value : 0;

function find(root: Json | undefined, reference: string): Json | undefined {
  let found: Json | undefined = root;
  for (const key of reference.split("/").slice(1)) {
    found = isJsonObject(found) ? found[key] : undefined;
  }
  return found;
}
