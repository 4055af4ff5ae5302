import type { FieldError } from "@shared/errors.ts";
import { isJsonObject, type Json, type JsonObject } from "@shared/json.ts";
import { brokenRules } from "@shared/json_schema.ts";
import {
  LISTS,
  MAPS,
  META_SCHEMA,
  SAME_VALUE,
  SINGLES,
  withoutNotes,
} from "@shared/meta_schema.ts";

/** The longest JSON text of an author's schema, in characters. */
export const SCHEMA_LENGTH = 32_768;
/** The most that the parts of a schema weigh, after all references are written out. */
const EXPANDED = 5_000;
/** A reference that the validator reads as it stands; in others it decodes, trims and leaves out. */
const REFERENCE = /^#(\/[\w.~$-]+)*$/;
/** What a check of one value reads or compares besides subschemas: it weighs by its length. */
const COMPARED = ["type", "const", "enum", "required", "dependentRequired"];
/** Characters, and steps of a pattern's program, that take as long as one subschema. */
const [CHARACTERS, STEPS] = [64, 4];

/** A schema that values may be held against, and the weight of each of its patterns. */
export type SoundSchema = { schema: JsonObject; patterns: ReadonlyMap<string, number> };

/**
 * What is wrong with an author's JSON Schema (2020-12), or what values may be held against: the schema
 * without notes. It refers to nothing but its own parts, grows to no great size where those are written
 * out, and its patterns match in linear time. A path begins below the schema: `.properties.city.type`.
 *
 * @param circular whether a part may hold itself for a value inside its own, as a tree's node does
 */
export async function readSchema(
  source: JsonObject,
  { circular = true } = {},
): Promise<{ errors: FieldError[] } | SoundSchema> {
  const wrong = (path: string, message: string) => ({ errors: [{ path, message }] });
  if (JSON.stringify(source).length > SCHEMA_LENGTH) {
    return wrong("", `A schema has ${SCHEMA_LENGTH} characters at most`);
  }
  // The name of the whole is a note: what refers to it by that is refused.
  const { $id: _, ...own } = source;
  const broken = await brokenRules(META_SCHEMA, own).catch(() => undefined);
  if (broken === undefined) return wrong("", "The schema nests too deeply");
  if (broken.length > 0) {
    const errors = broken.slice(0, 10).map(({ pointer, message }) => ({
      path: dotted(pointer),
      message,
    }));
    return { errors };
  }
  const [{ LinearRegExp }, { RE2JS }] = await Promise.all([
    import("@shared/linear_regexp.ts"),
    import("re2js"),
  ]);
  const patterns = new Map<string, number>();
  const weigh = (pattern: string) => {
    const known = patterns.get(pattern);
    if (known !== undefined) return known;
    const { source } = new LinearRegExp(pattern, "u");
    const weight = RE2JS.compile(RE2JS.translateRegExp(source)).programSize() / STEPS;
    patterns.set(pattern, weight);
    return weight;
  };
  const schema = withoutNotes(own);
  try {
    measure(schema, schema, { path: "", level: 0, within: new Map(), circular, weigh });
    return { schema, patterns };
  } catch (error) {
    if (error instanceof BadSchema) return wrong(error.path, error.message);
    if (error instanceof RangeError) return wrong("", "The schema nests too deeply");
    throw error;
  }
}

/** What characters weigh: nothing in the short texts that most are. */
export const weighText = (text: string): number => Math.floor(text.length / CHARACTERS);

/** What a part of a schema weighs besides the parts inside it. */
export function weighCompared(schema: JsonObject): number {
  const compared = COMPARED.map((key) => schema[key]).filter((value) => value !== undefined);
  return compared.length && JSON.stringify(compared).length / CHARACTERS;
}

class BadSchema extends Error {
  override readonly name = "BadSchema";
  constructor(readonly path: string, message: string) {
    super(message);
  }
}

type Place = {
  path: string;
  /** How many values deep it applies, and so did each of the parts that it is in. */
  level: number;
  within: ReadonlyMap<JsonObject, number>;
  circular: boolean;
  weigh(pattern: string): number;
};

/** The weight of a part with each reference written out, once. @throws {BadSchema} */
function measure(root: JsonObject, schema: Json, place: Place): number {
  const { path, level, within, circular, weigh } = place;
  if (!isJsonObject(schema)) return 1;
  const outer = within.get(schema);
  if (outer !== undefined) {
    if (circular && outer < level) return 1;
    throw new BadSchema(path, "A schema does not contain itself");
  }
  const inside = new Map(within).set(schema, level);
  let size = 1 + weighCompared(schema);
  const grow = (weight: number) => {
    size += weight;
    if (size > EXPANDED) throw new BadSchema(path, "The schema is too large");
  };
  const add = (child: Json, key: string, name = "") => {
    const below = SAME_VALUE.includes(key) ? level : level + 1;
    const own = `${path}.${key}${name}`;
    grow(measure(root, child, { ...place, path: own, level: below, within: inside }));
  };
  const check = (pattern: string, where: string) => {
    let weight: number;
    try {
      weight = weigh(pattern);
    } catch {
      throw new BadSchema(where, "The pattern is none that RE2 knows");
    }
    grow(weight);
  };
  if (typeof schema.pattern === "string") check(schema.pattern, `${path}.pattern`);
  for (const [pattern] of entriesOf(schema.patternProperties)) {
    check(pattern, `${path}.patternProperties`);
  }
  for (const [key, value] of Object.entries(schema)) {
    if (SINGLES.includes(key)) add(value, key);
    if (LISTS.includes(key) && Array.isArray(value)) value.forEach((v, i) => add(v, key, `.${i}`));
    if (MAPS.includes(key)) {
      for (const [name, child] of entriesOf(value)) add(child, key, `.${name}`);
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
    add(target, "$ref");
  }
  return size;
}

/** The named parts that a keyword holds, if it does. */
export const entriesOf = (value: Json | undefined): [string, Json][] =>
  isJsonObject(value) ? Object.entries(value) : [];

/** The part of a schema that a reference within it means. */
export function resolve(root: JsonObject, reference: string): Json | undefined {
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
