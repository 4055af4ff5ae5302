import assert from "node:assert/strict";
import type { Json, JsonObject } from "@shared/json.ts";
import { applyEdge, verifyEdge } from "../../../supabase/functions/pipelines/execution/edge.ts";
import { StepError } from "../../../supabase/functions/pipelines/execution/step_error.ts";
import { timed } from "../../harness/fixed_work.ts";

/** What one check may take, beside a fixed piece of work of some 50 ms; the bombs held a worker for minutes. */
const LIMIT = 120;

const array = (length: number, item: (index: number) => Json): Json[] =>
  Array.from({ length }, (_, index) => item(index));
const byName = (items: Json[], prefix: string): JsonObject =>
  Object.fromEntries(items.map((item, index) => [`${prefix}${index}`, item]));

/** How a value fares at an edge: the code of the error, or `passed`. */
async function check(input_schema: JsonObject, input: Json): Promise<string> {
  try {
    await applyEdge({ kind: "identity", input_schema }, input, { seed: "run:step" });
    return "passed";
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    assert.equal(error.retryable, false);
    assert.match(error.message, /input/);
    return error.code;
  }
}

/** A0 refers to A1 twice, that to A2 twice, and so on. */
const doubling = (refer: (name: string) => JsonObject): JsonObject =>
  byName([
    ...array(24, (index) => {
      const next = refer(`A${index + 1}`);
      return { allOf: [next, next] };
    }),
    true,
  ], "A");
const defs = (name: string): JsonObject => ({ $ref: `#/$defs/${name}` });

Deno.test("no schema of an edge holds the worker", async (t) => {
  assert.equal(await check({ pattern: "x" }, "x"), "passed");
  const library = "https://github.com/cfworker";
  const keys = byName(array(20_000, () => 1), "k");
  let deep: Json = 1;
  for (let level = 0; level < 40; level++) deep = { a: deep };
  const twice = { properties: { a: { $ref: "#" } } };
  const cases: [string, JsonObject, Json, string][] = [
    ["doubling", { ...defs("A0"), $defs: doubling(defs) }, 1, "schema_invalid"],
    ["doubling with the value's depth", { ...twice, allOf: [twice] }, deep, "schema_too_costly"],
    ["what contains itself", { allOf: [{ $ref: "#" }] }, 1, "schema_invalid"],
    [
      "a note that says what a reference means",
      {
        ...defs("A0"),
        $defs: {
          ...doubling((name) => ({
            ...defs("cheap"),
            __absolute_ref__: `${library}#/$defs/${name}`,
          })),
          cheap: true,
        },
      },
      1,
      "passed",
    ],
    [
      "names within",
      { ...defs("A0"), $defs: { ...doubling(defs), A1: { $id: "#/$defs/A9" } } },
      1,
      "schema_invalid",
    ],
    [
      "a keyword of older drafts",
      {
        dependencies: {
          k0: { $ref: "#/dependencies/A0" },
          ...doubling((name) => ({ $ref: `#/dependencies/${name}` })),
        },
      },
      keys,
      "passed",
    ],
    [
      "many alternatives",
      { items: { anyOf: array(2_000, () => ({ type: "null" })) } },
      array(100_000, () => 1),
      "schema_too_costly",
    ],
    [
      "as many as may be",
      { items: { anyOf: [...array(999, () => ({ type: "null" })), true] } },
      array(800, () => 1),
      "passed",
    ],
    [
      "many names each time",
      { allOf: array(1_000, () => ({ type: "object" })) },
      keys,
      "schema_too_costly",
    ],
    [
      "a long name each time",
      { allOf: array(900, () => ({ additionalProperties: true })) },
      { ["x".repeat(500_000)]: 1 },
      "schema_too_costly",
    ],
    [
      "uniqueItems",
      { uniqueItems: true, type: "array" },
      array(60_000, (index) => index),
      "schema_too_costly",
    ],
    [
      "uniqueItems of objects",
      { uniqueItems: true },
      array(20_000, (index) => ({ a: 1, b: index })),
      "schema_too_costly",
    ],
  ];
  for (const [name, schema, value, code] of cases) {
    await t.step(name, async () => {
      assert.equal(await timed(LIMIT, () => check(schema, value)), code);
    });
  }
});

Deno.test("and what is usual is checked as ever", async (t) => {
  await t.step("some dozens of columns over tens of thousands of rows", async () => {
    const column = (index: number): JsonObject =>
      [
        { type: "string", maxLength: 100, description: "A text" },
        { type: ["number", "null"], minimum: 0 },
        { enum: ["sun", "rain", "snow", "fog"] },
      ][index % 3] ?? {};
    const properties = byName(array(24, column), "column_");
    const items = {
      type: "object",
      required: Object.keys(properties),
      additionalProperties: false,
      properties,
    };
    const cell = (row: number) => (index: number) =>
      [`text ${row}`, row, "rain"][index % 3] ?? null;
    const rows = array(20_000, (row) => byName(array(24, cell(row)), "column_"));
    const schema = { $schema: "https://json-schema.org/draft/2020-12/schema", items };
    assert.equal(await check(schema, rows), "passed");
    assert.equal(await check(schema, [...rows, { column_0: 1 }]), "input_invalid");
  });
  await t.step("references within, to itself too, under a name of its own", async () => {
    const node = {
      type: "object",
      properties: {
        label: { $ref: "#/definitions/label" },
        children: { type: "array", items: { $ref: "#" } },
      },
    };
    const schema = {
      $id: "https://example.com/tree.schema.json",
      ...node,
      definitions: { label: { type: "string", minLength: 1 } },
    };
    const tree = { label: "a", children: [{ label: "b", children: [{ label: "c" }] }] };
    assert.equal(await check(schema, tree), "passed");
    assert.equal(
      await check(schema, { children: [{ children: [{ label: "" }] }] }),
      "input_invalid",
    );
  });
});

Deno.test("an edge whose schema can't be used is not verified", async () => {
  for (const name of ["input_schema", "output_schema"]) {
    const spec = { kind: "identity", [name]: { ...defs("A0"), $defs: doubling(defs) } } as const;
    const { passed, logs } = await timed(LIMIT, () => verifyEdge(spec));
    assert.equal(passed, false);
    assert.match(logs, new RegExp(`FAILED: compiles: ${name}.*The schema is too large`));
  }
  const twice = { properties: { a: { $ref: "#" } } };
  let input: Json = 1;
  for (let level = 0; level < 40; level++) input = { a: input };
  const { logs } = await timed(LIMIT, () =>
    verifyEdge({
      kind: "identity",
      input_schema: { ...twice, allOf: [twice] },
      tests: [{ name: "deep", input, expect: input }],
    }));
  assert.match(logs, /FAILED: deep: input is too large to be checked/);
});
