import assert from "node:assert/strict";
import { z } from "zod";
import {
  blockSpecSchema,
  datasetSpecSchema,
  edgeSpecSchema,
  modelSpecSchema,
  specSchemaFor,
} from "../../../supabase/functions/pipelines/specs.ts";

const accepts = (schema: z.ZodType, value: unknown) => schema.safeParse(value).success;

Deno.test("every kind is accepted where it belongs and nowhere else", () => {
  const datasets = [
    { kind: "inline", rows: [1, null, { a: [] }] },
    { kind: "storage", bucket: "data", path: "a/b.csv", format: "csv" },
    { kind: "http", url: "https://example.com/x", format: "json", headers: { accept: "a/b" } },
    { kind: "table", table: "t", select: "a,b", filter: { a: "eq.5" }, limit: 5, mode: "upsert" },
    { kind: "table", table: "t", mode: "upsert", on_conflict: "a,b" },
    { kind: "trigger" },
  ];
  const models = [
    { kind: "llm", model: "m", prompt: "p", output_schema: { type: "string" } },
    { kind: "embedding", model: "m", field: "f" },
    { kind: "http", url: "http://example.com/", method: "PUT" },
    { kind: "jsonata", expression: "1" },
    { kind: "code", source: "return 1" },
  ];
  for (const spec of datasets) {
    assert.ok(accepts(specSchemaFor("dataset"), spec), spec.kind);
    assert.ok(!accepts(specSchemaFor("model"), spec), spec.kind);
    assert.ok(accepts(blockSpecSchema, spec));
  }
  for (const spec of models) {
    assert.ok(accepts(specSchemaFor("model"), spec), spec.kind);
    assert.ok(!accepts(specSchemaFor("dataset"), spec), spec.kind);
    assert.ok(accepts(blockSpecSchema, spec));
  }
  const tests = [{ name: "n", input: null, expect: [1] }];
  for (const spec of [{ kind: "identity" }, ...models.slice(3)]) {
    assert.ok(accepts(edgeSpecSchema, { ...spec, input_schema: {}, output_schema: {}, tests }));
  }
});

Deno.test("what is out of bounds is refused", () => {
  const storage = { kind: "storage", bucket: "data", format: "csv" };
  const table = { kind: "table", table: "t" };
  const refused: [z.ZodType, unknown][] = [
    [datasetSpecSchema, { kind: "trigger", extra: 1 }],
    [datasetSpecSchema, { kind: "other" }],
    [datasetSpecSchema, { ...storage, path: "../a" }],
    [datasetSpecSchema, { ...storage, path: "a/../b" }],
    [datasetSpecSchema, { ...storage, path: "/a" }],
    [datasetSpecSchema, { ...storage, bucket: "a/b", path: "c" }],
    [datasetSpecSchema, { ...table, table: "t; drop" }],
    [datasetSpecSchema, { ...table, limit: 10_001 }],
    [datasetSpecSchema, { ...table, filter: { limit: "9" } }],
    [datasetSpecSchema, { ...table, mode: "merge" }],
    [datasetSpecSchema, { kind: "http", url: "ftp://example.com", format: "csv" }],
    [datasetSpecSchema, {
      kind: "http",
      url: "http://example.com",
      format: "csv",
      headers: { a: "b\r\nc: d" },
    }],
    [modelSpecSchema, { kind: "code", source: "" }],
    [modelSpecSchema, { kind: "code", source: "x".repeat(65_537) }],
    [edgeSpecSchema, { kind: "identity", tests: [{ name: "n", input: 1 }] }],
    [edgeSpecSchema, { kind: "identity", input_schema: "string" }],
  ];
  for (const [schema, value] of refused) assert.ok(!accepts(schema, value), JSON.stringify(value));
});

/** Paths of the properties, at any depth of our own shapes, that have no description. */
function undescribed(node: unknown, path: string): string[] {
  if (Array.isArray(node)) return node.flatMap((item, i) => undescribed(item, `${path}/${i}`));
  if (typeof node !== "object" || node === null) return [];
  return Object.entries(node).flatMap(([key, value]: [string, unknown]) => {
    if (key === "examples" || key === "$defs") return [];
    const inside = undescribed(value, `${path}/${key}`);
    if (key !== "properties" || typeof value !== "object" || value === null) return inside;
    const bare = Object.entries(value).filter(([name, field]) =>
      name !== "kind" && !("description" in field)
    );
    return [...inside, ...bare.map(([name]) => `${path}/${name}`)];
  });
}

Deno.test("the schemas turn into JSON Schema with every field described", () => {
  for (const schema of [blockSpecSchema, edgeSpecSchema]) {
    const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
    assert.deepEqual(undescribed(json, ""), []);
    assert.match(JSON.stringify(json), /"additionalProperties":false.*"examples"/);
  }
});
