import type { FieldError } from "@shared/errors.ts";
import { isJsonObject, type Json, type JsonObject } from "@shared/json.ts";
import { brokenRules } from "@shared/json_schema.ts";
import { LISTS, MAPS, META_SCHEMA, SINGLES, withoutNotes } from "./meta_schema.ts";

/** The longest JSON text of a tool's parameters, in characters. */
export const SCHEMA_LENGTH = 32_768;
/** The most that the parts of a schema weigh, after all references are written out. */
const EXPANDED = 5_000;
/** A reference that the validator reads as it stands; in others it decodes, trims and leaves out. */
const REFERENCE = /^#(\/[\w.~$-]+)*$/;

/** What a check of one value reads or compares besides subschemas: it weighs by its length. */
const COMPARED = ["const", "enum", "required", "dependentRequired"];
/** Characters, and steps of a pattern's program, that take as long as one subschema. */
const [CHARACTERS, STEPS] = [64, 4];

/**
 * What is wrong with the parameters of a tool: they are a JSON Schema (2020-12) of an object, as OpenAI
 * asks for, with references inside itself only, none of them circular, and patterns that match in
 * linear time. None where all is well. Paths are as in `parameters.properties.city.type`.
 */
export async function checkParameters(parameters: JsonObject): Promise<FieldError[]> {
  return (await weighParameters(parameters)).errors;
}

/**
 * The same, and what arguments may be held against where there is nothing wrong: `schema`, with what a
 * check of one value may cost as its `size`, 1 for each subschema, and more.
 */
export async function weighParameters(
  parameters: JsonObject,
): Promise<{ errors: FieldError[]; schema: JsonObject; size: number }> {
  const name = "parameters";
  const refuse = (errors: FieldError[]) => ({ errors, schema: parameters, size: Infinity });
  const wrong = (path: string, message: string) => refuse([{ path: `${name}${path}`, message }]);
  if (parameters.type !== "object") {
    return wrong(".type", 'A tool takes an object: the schema\'s type is "object"');
  }
  if (JSON.stringify(parameters).length > SCHEMA_LENGTH) {
    return wrong("", `A schema has ${SCHEMA_LENGTH} characters at most`);
  }
  const broken = await brokenRules(META_SCHEMA, parameters).catch(() => undefined);
  if (broken === undefined) return wrong("", "The schema nests too deeply");
  if (broken.length > 0) {
    return refuse(
      broken.slice(0, 10).map(({ pointer, message }) => ({
        path: `${name}${dotted(pointer)}`,
        message,
      })),
    );
  }
  const [{ LinearRegExp }, { RE2JS }] = await Promise.all([
    import("@shared/linear_regexp.ts"),
    import("re2js"),
  ]);
  const compile = (pattern: string) =>
    RE2JS.compile(RE2JS.translateRegExp(new LinearRegExp(pattern, "u").source)).programSize();
  const schema = withoutNotes(parameters);
  try {
    return { errors: [], schema, size: measure(schema, schema, "", [], compile) };
  } catch (error) {
    if (error instanceof BadSchema) return wrong(error.path, error.message);
    throw error;
  }
}

/** How many values a check of this one reads: itself, all inside, and the longer texts for more. */
export function weighValue(value: Json): number {
  if (typeof value === "string") return 1 + value.length / CHARACTERS;
  if (typeof value !== "object" || value === null) return 1;
  const parts = Array.isArray(value) ? value : Object.entries(value).flat();
  return parts.reduce<number>((weight, part) => weight + weighValue(part), 1);
}

class BadSchema extends Error {
  override readonly name = "BadSchema";
  constructor(readonly path: string, message: string) {
    super(message);
  }
}

/** The weight of a schema with each reference written out. @throws {BadSchema} */
function measure(
  root: JsonObject,
  schema: Json,
  path: string,
  within: readonly JsonObject[],
  programSize: (pattern: string) => number,
): number {
  if (!isJsonObject(schema)) return 1;
  if (within.includes(schema)) throw new BadSchema(path, "A schema does not contain itself");
  const inside = [...within, schema];
  const compared = COMPARED.map((key) => schema[key]).filter((value) => value !== undefined);
  let size = 1 + (compared.length && JSON.stringify(compared).length / CHARACTERS);
  const add = (child: Json, childPath: string) => {
    size += measure(root, child, childPath, inside, programSize);
    if (size > EXPANDED) throw new BadSchema(path, "The schema is too large");
  };
  const check = (pattern: string, where: string) => {
    try {
      size += programSize(pattern) / STEPS;
    } catch {
      throw new BadSchema(where, "The pattern is none that RE2 knows");
    }
    if (size > EXPANDED) throw new BadSchema(path, "The schema is too large");
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
    const target = REFERENCE.test(schema.$ref) ? resolve(root, schema.$ref) : undefined;
    if (target === undefined) {
      throw new BadSchema(
        `${path}.$ref`,
        "It refers to no schema with a name of A-Z a-z 0-9 _ . ~ $ -",
      );
    }
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
