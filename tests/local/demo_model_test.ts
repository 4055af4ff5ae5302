import assert from "node:assert/strict";
import { functionVariables } from "../../supabase/local/environment.ts";
import { makeSecrets } from "../../supabase/local/secrets.ts";
import { stack } from "../harness/stack.ts";
import { withFolder } from "./support.ts";

const url = `${stack.url}/demo-model/v1`;

async function ask(path: string, body: unknown) {
  const answer = await fetch(`${url}${path}`, { method: "POST", body: JSON.stringify(body) });
  return { status: answer.status, body: await answer.json() };
}

const says = (content: string, more = {}) =>
  ask("/chat/completions", {
    model: "demo-chat",
    messages: [{ role: "user", content }],
    ...more,
  });

Deno.test("the demo model is what functions call while no provider is configured", () =>
  withFolder(async (folder) => {
    const addresses = { url: "http://127.0.0.1:1", dbUrl: "" };
    const secrets = await makeSecrets();
    const read = () => functionVariables(addresses, secrets, `${folder}/.env`);
    assert.equal((await read()).get("OPENAI_BASE_URL"), "http://127.0.0.1:1/demo-model/v1");
    for (const set of ["OPENAI_API_KEY=sk-own", "OPENAI_BASE_URL=http://localhost:11434/v1"]) {
      await Deno.writeTextFile(`${folder}/.env`, `${set}\n`);
      const variables = await read();
      assert.ok(!variables.get("OPENAI_BASE_URL")?.includes("demo-model"));
      assert.ok(variables.get("OPENAI_API_KEY") !== "demo");
      assert.ok(!variables.has("EDGELOOM_CHAT_MODEL"));
    }
  }));

Deno.test("the demo model says what it is, and of the same the same", async () => {
  const { body } = await says("Is it raining?");
  assert.match(body.choices[0].message.content, /^\[demo model\] .*Is it raining\?$/);
  assert.equal(body.usage.prompt_tokens_details.cached_tokens, 0);
  const again = await says("Is it raining?");
  assert.deepEqual({ ...again.body, created: 0 }, { ...body, created: 0 });
});

Deno.test("the demo model stands in for models of known providers, not for any", async () => {
  for (const model of ["gpt-4o", "claude-sonnet-4-5", "openai/gpt-4o"]) {
    assert.equal((await says("Hi", { model })).status, 200, model);
  }
  for (const model of ["nobody", "nobody/knows", ""]) {
    const { status, body } = await says("Hi", { model });
    assert.equal(status, 404);
    assert.equal(body.error.code, "model_not_found");
  }
});

Deno.test("the demo model calls tools that it is told or made to call, and no others", async () => {
  const tool = (name: string) => ({ type: "function", function: { name, parameters } });
  const parameters = { type: "object", properties: { days: { type: "integer", minimum: 2 } } };
  const tools = [tool("rain"), tool("sun")];
  const called = async (content: string, more = {}) => {
    const { body } = await says(content, { tools, ...more });
    const calls = body.choices[0].message.tool_calls ?? [];
    return calls.map(({ function: f }: { function: { name: string; arguments: string } }) =>
      `${f.name} ${f.arguments}`
    );
  };
  const both = 'call rain with {"days": 1} and call sun with {"a": {"b": "}"}}';
  assert.deepEqual(await called(both), ['rain {"days": 1}', 'sun {"a": {"b": "}"}}']);
  assert.deepEqual(await called(both, { parallel_tool_calls: false }), ['rain {"days": 1}']);
  assert.deepEqual(await called(both, { tool_choice: "none" }), []);
  assert.deepEqual(await called("call snow with {}"), []);
  assert.deepEqual(await called("Hi"), []);
  assert.deepEqual(await called("Hi", { tool_choice: "required" }), ['rain {"days":2}']);
  const named = { type: "function", function: { name: "sun" } };
  assert.deepEqual(await called("Hi", { tool_choice: named }), ['sun {"days":2}']);
});

Deno.test("the demo model fills schemas, also nested ones and those that refer to themselves", async () => {
  const schema = {
    type: "object",
    properties: {
      kind: { enum: ["b", "a"] },
      when: { type: "string", format: "date" },
      rows: { type: "array", minItems: 2, items: { $ref: "#/$defs/row" } },
      maybe: { anyOf: [{ type: "null" }, { type: "string" }] },
      whole: { allOf: [{ type: "object", properties: { x: { const: 7 } } }] },
    },
    $defs: { row: { type: "object", properties: { n: { type: "number", minimum: 3 } } } },
  };
  const response_format = { type: "json_schema", json_schema: { name: "all", schema } };
  const { body } = await says("Hi", { response_format });
  assert.deepEqual(JSON.parse(body.choices[0].message.content), {
    kind: "b",
    when: "2026-01-01",
    rows: [{ n: 3 }, { n: 3 }],
    maybe: null,
    whole: { x: 7 },
  });
  const endless = { type: "object", properties: { next: { $ref: "#" } } };
  const more = { type: "json_schema", json_schema: { name: "endless", schema: endless } };
  assert.equal((await says("Hi", { response_format: more })).status, 200);
});
