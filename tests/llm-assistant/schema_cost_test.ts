import assert from "node:assert/strict";
import { ApiError } from "@shared/errors.ts";
import type { Json, JsonObject } from "@shared/json.ts";
import { brokenRules } from "@shared/json_schema.ts";
import { chatRequestSchema } from "../../supabase/functions/llm-assistant/openai/chat_schema.ts";
import { checkRequest } from "../../supabase/functions/llm-assistant/openai/check_request.ts";
import { executeTool } from "../../supabase/functions/llm-assistant/tools/execute_tool.ts";
import { ToolError } from "../../supabase/functions/llm-assistant/tools/tool.ts";
import { timed as timedWithin } from "../harness/fixed_work.ts";
import { PostgrestClient } from "@supabase/postgrest-js";
import type { Database } from "@shared/database.types.ts";

/**
 * What one check may take of the event loop, beside a fixed piece of work of some 50 ms; the bombs took 20
 * to 1,800 times as long.
 */
const timed = <T>(work: () => Promise<T>): Promise<T> => timedWithin(12, work);

const array = (length: number, item: (index: number) => Json): Json[] =>
  Array.from({ length }, (_, index) => item(index));
const list = (a: JsonObject): JsonObject => ({
  type: "object",
  properties: { a: { type: "array", ...a } },
});

/** The code of the error that a call of a tool ends with, or what it gives. */
async function call(parameters: JsonObject, input: JsonObject): Promise<Json> {
  const tool = { name: "own", description: "A test", parameters, code: "return 'ran';" };
  const context = {
    database: new PostgrestClient<Database>("http://127.0.0.1"),
    caller: { kind: "user" as const, userId: "", token: "" },
    organizationId: "",
  };
  try {
    return await executeTool(
      { ...tool, approval: "never", built_in: false },
      JSON.stringify(input),
      context,
    );
  } catch (error) {
    if (error instanceof ToolError) return error.code;
    throw error;
  }
}

Deno.test("no schema of a tool makes a check of arguments long", async (t) => {
  // What is compiled and imported once is no part of it.
  assert.equal(await call(list({ uniqueItems: true, items: { pattern: "x" } }), {}), "ran");
  const numbers = array(11_000, (index) => index);
  const texts = array(900, (index) => `${index}`);
  const cases: [string, JsonObject, JsonObject, string][] = [
    ["uniqueItems", list({ uniqueItems: true }), { a: numbers }, "arguments_invalid"],
    [
      "uniqueItems, said often",
      list({ allOf: array(300, () => ({ uniqueItems: true })) }),
      { a: numbers.slice(0, 4_000) },
      "arguments_invalid",
    ],
    [
      "many types",
      list({ items: { type: array(3_000, () => "string") } }),
      { a: array(20_000, () => 1) },
      "arguments_invalid",
    ],
    [
      "a format that backtracks",
      list({ items: { format: "url" } }),
      { a: [`http://${"1".repeat(60)}`] },
      "ran",
    ],
    [
      "a format that compiles",
      list({ items: { format: "regex" } }),
      { a: ["(?:a{1000}){1000}".repeat(3_000)] },
      "ran",
    ],
    [
      "many alternatives",
      list({ items: { anyOf: array(1_000, () => ({ type: "null" })) } }),
      { a: array(1_500, () => 1) },
      "arguments_invalid",
    ],
    ["a long enum", list({ items: { enum: numbers.slice(0, 5_000) } }), {
      a: array(20_000, () => 0.5),
    }, "arguments_invalid"],
    [
      "more patterns than are kept",
      list({ items: { anyOf: array(101, (index) => ({ pattern: `a{900}${index}` })) } }),
      { a: texts },
      "schema_invalid",
    ],
    [
      "a large pattern on a long text",
      { type: "object", properties: { a: { pattern: "(?:a|b){1,999}c$" } } },
      { a: "ab".repeat(32_000) },
      "arguments_invalid",
    ],
    ["many broken rules", list({ items: { type: "string" } }), {
      a: array(30_000, () => 1),
    }, "arguments_invalid"],
    [
      "many names",
      {
        type: "object",
        required: array(4_000, (index) => `n${index}`),
      },
      { a: numbers },
      "arguments_invalid",
    ],
  ];
  for (const [name, parameters, input, code] of cases) {
    await t.step(name, async () => {
      assert.equal(await timed(() => call(parameters, input)), code);
    });
  }
  await t.step("and what is usual is checked as ever", async () => {
    const rows = list({ uniqueItems: true, maxItems: 500, items: { enum: texts } });
    assert.equal(await call(rows, { a: texts.slice(0, 300) }), "ran");
    assert.equal(await call(rows, { a: ["1", "2", "1"] }), "arguments_invalid");
    assert.equal(await call(rows, { a: ["x"] }), "arguments_invalid");
  });
});

Deno.test("nor what the validator reads and the weighing does not", async (t) => {
  /** A0 refers to A1 twice, that to A2 twice, and so on: 2^19 checks, were it weighed as 19. */
  const doubling = (refer: (name: string, index: number) => JsonObject): JsonObject =>
    Object.fromEntries([
      ...array(19, (index) => {
        const next = refer(`A${index + 1}`, index);
        return { allOf: [next, next] };
      }),
      true,
    ].map((schema, index) => [`A${index}`, schema]));
  const defs = (name: string) => ({ $ref: `#/$defs/${name}` });
  const cheap = (prefix: string) =>
    Object.fromEntries(array(20, () => true).map((schema, index) => [`${prefix}${index}`, schema]));
  const at = (a: JsonObject, more: JsonObject) => ({ type: "object", properties: { a }, ...more });
  const library = "https://github.com/cfworker";
  const cases: [string, JsonObject, string][] = [
    [
      "a keyword of older drafts",
      at({}, {
        dependencies: {
          a: { $ref: "#/dependencies/A0" },
          ...doubling((name) => ({ $ref: `#/dependencies/${name}` })),
        },
      }),
      "ran",
    ],
    [
      "a reference in another spelling",
      at(defs("%410"), {
        $defs: { ...doubling((name) => defs(name.replace("A", "%41"))), ...cheap("%41") },
      }),
      "schema_invalid",
    ],
    [
      "a note that takes the place of a schema",
      at(defs("A0"), {
        $defs: cheap("A"),
        note: Object.fromEntries(
          Object.values(doubling(defs)).filter(isObject)
            .map((schema, index) => [`N${index}`, { $id: `#/$defs/A${index}`, ...schema }]),
        ),
      }),
      "ran",
    ],
    [
      "a note that says what a reference means",
      at(defs("A0"), {
        $defs: {
          ...doubling((name) => ({
            ...defs("cheap"),
            __absolute_ref__: `${library}#/$defs/${name}`,
          })),
          cheap: true,
        },
      }),
      "ran",
    ],
  ];
  for (const [name, parameters, code] of cases) {
    await t.step(name, async () => {
      assert.equal(await timed(() => call(parameters, { a: 1 })), code);
    });
  }
});

Deno.test("the innermost broken rules are told, however many there are", async () => {
  const schema = list({ items: { type: "object", required: ["n"], properties: { n: false } } });
  const broken = await brokenRules(schema, { a: [{}, { n: 1 }] });
  assert.deepEqual(broken.map(({ pointer }) => pointer), ["/a/0", "/a/1/n"]);
  const many = { a: array(60_000, () => 1) };
  assert.equal((await timed(() => brokenRules(schema, many))).length, 60_000);
});

Deno.test("no schema in a request to a model makes its check long", async (t) => {
  const check = (...schemas: JsonObject[]) =>
    checkRequest(chatRequestSchema.parse({
      model: "m",
      messages: [{ role: "user", content: "x" }],
      tools: schemas.map((parameters, index) => ({
        type: "function",
        function: { name: `f${index}`, parameters },
      })),
    }));
  const refusal = async (path: string, ...schemas: JsonObject[]) => {
    const error = await timed(() =>
      check(...schemas).then(() => undefined, (error: unknown) => error)
    );
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.code, "validation_failed");
    assert.ok(error.message.startsWith(path), error.message);
  };
  const requiring = (count: number) => ({
    type: "object",
    required: array(count, (index) => `name_${index}`),
  });
  await check(requiring(1));

  await t.step("one that is too long", () => refusal("tools.0.function", requiring(12_000)));
  await t.step(
    "many that are, together",
    () => refusal("tools:", ...array(100, () => requiring(2_000)).filter(isObject)),
  );
  await t.step("one that nests too deeply", () => {
    let deep: JsonObject = { type: "object" };
    for (let level = 0; level < 20_000; level++) deep = { type: "object", not: deep };
    return refusal("tools.0.function.parameters", deep);
  });
  await t.step("and many names are none", () => timed(() => check(requiring(2_000))));
});

const isObject = (value: Json): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
