import type { FieldError } from "@shared/errors.ts";
import { isJsonObject, type Json, type JsonObject } from "@shared/json.ts";
import { brokenRules } from "@shared/json_schema.ts";
import { META_SCHEMA } from "./meta_schema.ts";

/** The longest JSON text of a tool's parameters, in characters. */
const LENGTH = 32_768;
/** Subschemas after all references are written out: what one check may cost at most. */
const EXPANDED = 5_000;
const MAPS = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];
const LISTS = ["allOf", "anyOf", "oneOf", "prefixItems"];
const SINGLES = [
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

/**
 * What is wrong with the parameters of a tool: they are a JSON Schema (2020-12) of an object, as OpenAI
 * asks for, with references inside itself only, none of them circular, and patterns that match in
 * linear time. None where all is well. Paths are as in `parameters.properties.city.type`.
 */
export async function checkParameters(
  parameters: JsonObject,
  name = "parameters",
): Promise<FieldError[]> {
  const wrong = (path: string, message: string) => [{ path: `${name}${path}`, message }];
  if (parameters.type !== "object") {
    return wrong(".type", 'A tool takes an object: the schema\'s type is "object"');
  }
  if (JSON.stringify(parameters).length > LENGTH) {
    return wrong("", `A schema has ${LENGTH} characters at most`);
  }
  const broken = await brokenRules(META_SCHEMA, parameters).catch(() => undefined);
  if (broken === undefined) return wrong("", "The schema nests too deeply");
  if (broken.length > 0) {
    return broken.slice(0, 10).map(({ pointer, message }) => ({
      path: `${name}${dotted(pointer)}`,
      message,
    }));
  }
  const { LinearRegExp } = await import("@shared/linear_regexp.ts");
  try {
    measure(parameters, parameters, "", [], (pattern) => new LinearRegExp(pattern, "u"));
  } catch (error) {
    if (error instanceof BadSchema) return wrong(error.path, error.message);
    throw error;
  }
  return [];
}

class BadSchema extends Error {
  override readonly name = "BadSchema";
  constructor(readonly path: string, message: string) {
    super(message);
  }
}

/** The number of subschemas with each reference written out. @throws {BadSchema} */
function measure(
  root: JsonObject,
  schema: Json,
  path: string,
  within: readonly JsonObject[],
  compile: (pattern: string) => unknown,
): number {
  if (!isJsonObject(schema)) return 1;
  if (within.includes(schema)) throw new BadSchema(path, "A schema does not contain itself");
  const inside = [...within, schema];
  let size = 1;
  const add = (child: Json, childPath: string) => {
    size += measure(root, child, childPath, inside, compile);
    if (size > EXPANDED) throw new BadSchema(path, "The schema is too large");
  };
  const check = (pattern: string, where: string) => {
    try {
      compile(pattern);
    } catch {
      throw new BadSchema(where, "The pattern is none that RE2 knows");
    }
  };
  if (typeof schema.pattern === "string") check(schema.pattern, `${path}.pattern`);
  for (const pattern of keysOf(schema.patternProperties)) {
    check(pattern, `${path}.patternProperties`);
  }
  for (const [key, value] of Object.entries(schema)) {
    const own = `${path}.${key}`;
    if (SINGLES.includes(key)) add(value, own);
    if (LISTS.includes(key) && Array.isArray(value)) value.forEach((v, i) => add(v, `${own}.${i}`));
    if (MAPS.includes(key) && isJsonObject(value)) {
      for (const [name, child] of Object.entries(value)) add(child, `${own}.${name}`);
    }
  }
  if (typeof schema.$ref === "string") {
    const target = resolve(root, schema.$ref);
    if (target === undefined) throw new BadSchema(`${path}.$ref`, "It refers to nothing");
    add(target, `${path}.$ref`);
  }
  return size;
}

const keysOf = (value: Json | undefined) => isJsonObject(value) ? Object.keys(value) : [];

function resolve(root: JsonObject, reference: string): Json | undefined {
  let found: Json | undefined = root;
  for (const part of reference.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(found)) found = found[Number(key)];
    else found = isJsonObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  }
  return found;
}

/** `/properties/city` as the API names paths. */
export const dotted = (pointer: string): string =>
  pointer.split("/").slice(1).map((part) => `.${part.replaceAll("~1", "/").replaceAll("~0", "~")}`)
    .join("");
