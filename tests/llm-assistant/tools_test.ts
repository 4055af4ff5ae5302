import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { createAssistant, createTool } from "../harness/assistants.ts";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { collectPages } from "../harness/pages.ts";
import { createTenant } from "../harness/tenant.ts";

const ALL = "/llm-assistant/tools";
const UNKNOWN = `${ALL}/00000000-0000-4000-8000-000000000000`;
const TOOL = { name: "double", description: "Doubles", code: "return input.n * 2;" };
const object = (properties: Body, more: Body = {}) => ({ type: "object", properties, ...more });

Deno.test("create_tool", async (t) => {
  const tenant = await createTenant();
  const member = await tenant.user("member");

  await t.step("adds one, of no parameters unless told", async () => {
    const made = expect(await member.post(ALL, TOOL), 201);
    assert.deepEqual(
      [made.name, made.parameters, made.approval, made.is_active, made.created_by],
      ["double", object({}), "never", true, member.id],
    );
    refused(await member.post(ALL, TOOL), 409, "conflict");
  });
  await t.step("refuses a schema that is none, with its path", async () => {
    const cases: [Body, string][] = [
      [{ type: "string" }, "parameters.type"],
      [{}, "parameters.type"],
      [object({ city: { type: "text" } }), "parameters.properties.city.type"],
      [object({ city: { type: "string", minLength: -1 } }), "parameters.properties.city.minLength"],
      [object({ city: 5 }), "parameters.properties.city"],
      [
        object({ list: { type: "array", items: { enum: [] } } }),
        "parameters.properties.list.items.enum",
      ],
      [object({}, { required: "city" }), "parameters.required"],
      [object({ a: { pattern: "(?=x)" } }), "parameters.properties.a.pattern"],
      [object({ a: { pattern: "(" } }), "parameters.properties.a.pattern"],
      [object({ a: { $ref: "https://example.com/s" } }), "parameters.properties.a.$ref"],
      [object({ a: { $ref: "#/$defs/none" } }), "parameters.properties.a.$ref"],
      [object({ a: { $ref: "#" } }), "parameters.properties.a.$ref"],
      [
        object({ a: { anyOf: [{ $ref: "#/properties/a" }] } }),
        "parameters.properties.a.anyOf.0.$ref",
      ],
    ];
    for (const [parameters, path] of cases) {
      const answer = await member.post(ALL, { ...TOOL, name: "bad", parameters });
      refused(answer, 422, "validation_failed", [path]);
    }
    // Each definition is two of the one before: few characters, and a check that never ends.
    const doubling = Array.from({ length: 40 }, (_, i) => [
      `d${i}`,
      i === 0 ? {} : { allOf: [{ $ref: `#/$defs/d${i - 1}` }, { $ref: `#/$defs/d${i - 1}` }] },
    ]);
    const bomb = object({ a: { $ref: "#/$defs/d39" } }, { $defs: Object.fromEntries(doubling) });
    refused(
      await member.post(ALL, { ...TOOL, name: "bad", parameters: bomb }),
      422,
      "validation_failed",
    );
  });
  await t.step("takes what schemas are made of", async () => {
    const parameters = object({
      city: { type: "string", pattern: "^[A-Z]", description: "Where" },
      days: { type: ["integer", "null"], minimum: 1 },
      place: { $ref: "#/$defs/place" },
      kind: { enum: ["rain", "sun"] },
    }, { required: ["city"], $defs: { place: object({ lat: { type: "number" } }) } });
    const made = expect(await member.post(ALL, { ...TOOL, name: "ok", parameters }), 201);
    assert.deepEqual(made.parameters, parameters);
  });
  await t.step("refuses", async () => {
    const bad = async (values: Body, path: string) =>
      refused(await member.post(ALL, { ...TOOL, ...values }), 422, "validation_failed", [path]);
    await bad({ name: "a b" }, "name");
    const { errors: [wrong] } = await bad({ name: "x", code: "return (;" }, "code");
    assert.match(wrong.message, /\(line 1, column \d+\)$/);
    await bad({ name: "x", code: "" }, "code");
    await bad({ name: "x", approval: "maybe" }, "approval");
    refused(await member.post(ALL, { ...TOOL, name: "run_pipeline" }), 422, "validation_failed");
  });
  await t.step(
    "is refused to",
    (t) =>
      attack(t, {
        tenant,
        method: "POST",
        path: ALL,
        body: { ...TOOL, name: "hacked" },
        stranger: "own",
      }),
  );
});

Deno.test("list_tools, get_tool, update_tool and delete_tool", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const [member, other] = [await tenant.user("member"), await tenant.join("member")];
  const own = await createTool(member);
  const path = `${ALL}/${own.id}`;
  const ofOwner = await createTool(owner, { is_active: false });

  await t.step("show the organization's", async () => {
    const pages = await collectPages(other, `${ALL}?limit=1`);
    assert.deepEqual(pages.flat().map(({ id }) => id), [ofOwner.id, own.id]);
    const active = expect(await other.get(`${ALL}?is_active=true`), 200).data;
    assert.deepEqual(active.map(({ id }: Body) => id), [own.id]);
    const named = expect(await other.get(`${ALL}?name=${own.name}`), 200).data;
    assert.equal(named.length, 1);
    const answer = await other.get(path);
    assert.equal(expect(answer, 200).code, own.code);
    assert.equal(answer.headers.get("etag"), `"${own.revision}"`);
    refused(await owner.get(UNKNOWN), 404, "not_found");
    refused(await owner.get(`${ALL}?cursor=x`), 400, "invalid_cursor");
  });
  await t.step("are changed by their author and by admins", async () => {
    const headers = { "if-match": `"${own.revision}"` };
    expect(await member.patch(path, { approval: "always" }, { headers }), 200);
    refused(
      await member.patch(path, { approval: "never" }, { headers }),
      412,
      "precondition_failed",
    );
    expect(await owner.patch(path, { code: "return input.n * 3;" }), 200);
    refused(await other.patch(path, { code: "return 0;" }), 403, "forbidden");
    refused(await member.patch(path, { name: "x" }), 422, "validation_failed");
    refused(
      await member.patch(path, { parameters: { type: "object", properties: 1 } }),
      422,
      "validation_failed",
      ["parameters.properties"],
    );
    refused(await member.patch(path, { code: "}" }), 422, "validation_failed", ["code"]);
    refused(await member.patch(UNKNOWN, { code: "return 0;" }), 404, "not_found");
  });
  await t.step("stay while an assistant names them", async () => {
    const { id } = await createAssistant(member, { tools: [own.name] });
    refused(await member.delete(path), 409, "in_use");
    expect(await member.patch(`/llm-assistant/assistants/${id}`, { tools: [] }), 200);
    refused(await other.delete(path), 403, "forbidden");
    expect(await member.delete(path), 204);
    refused(await member.get(path), 404, "not_found");
  });
  await t.step("go with their organization, used or not", async () => {
    const gone = await createTenant();
    const tool = await createTool(gone.owner);
    await createAssistant(gone.owner, { tools: [tool.name] });
    expect(await gone.owner.delete(`/organizations/${gone.organizationId}`), 204);
  });
  const target = { tenant, path: `${ALL}/${ofOwner.id}` };
  await t.step(
    "list is refused to",
    (t) => attack(t, { tenant, method: "GET", path: ALL, stranger: "empty" }),
  );
  await t.step("get is refused to", (t) => attack(t, { ...target, method: "GET" }));
  await t.step(
    "update is refused to",
    (t) =>
      attack(t, { ...target, method: "PATCH", body: { code: "return 0;" }, minimumRole: "admin" }),
  );
  await t.step(
    "delete is refused to",
    (t) => attack(t, { ...target, method: "DELETE", minimumRole: "admin" }),
  );
});

Deno.test("test_tool", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const test = async (values: Body, args: Body = { n: 2 }) => {
    const { id } = await createTool(owner, values);
    return expect(await owner.post(`${ALL}/${id}/test`, { arguments: args }), 200);
  };

  await t.step("gives the output", async () => {
    const answer = await test({});
    assert.equal(answer.output, 4);
    assert.ok(!("error" in answer) && answer.duration_ms >= 0);
    const [name] = [`tool_${crypto.randomUUID().slice(0, 8)}`];
    const tool = expect(await owner.post(ALL, { ...TOOL, name, code: "return null;" }), 201);
    assert.equal(expect(await owner.post(`${ALL}/${tool.id}/test`), 200).output, null);
  });
  await t.step("holds the arguments against the schema before anything runs", async () => {
    const { error } = await test({ code: "while (true) {}" }, { n: "2", m: 1 });
    assert.equal(error.code, "arguments_invalid");
    assert.match(error.message, /arguments\.n: .*number/);
  });
  await t.step("says what went wrong, within limits", async () => {
    const cases: [string, string, RegExp][] = [
      ["return input.x.y;", "code_runtime", /line 1/],
      ["throw new Error('no rain')", "code_runtime", /no rain/],
      ["while (true) {}", "code_timeout", /500 ms/],
      ["return new Uint8Array(200e6).length;", "code_memory", /memory/],
      ["return 'x'.repeat(300000);", "code_output", /longer/],
      ["return fetch('https://example.com');", "code_runtime", /fetch/],
    ];
    for (const [code, expected, message] of cases) {
      const { error, output } = await test({ code });
      assert.equal(error?.code, expected, code);
      assert.match(error.message, message);
      assert.equal(output, undefined);
    }
  });
  await t.step("refuses", async () => {
    refused(await owner.post(`${UNKNOWN}/test`, { arguments: {} }), 404, "not_found");
    const { id } = await createTool(owner);
    refused(await owner.post(`${ALL}/${id}/test`, { arguments: [] }), 422, "validation_failed", [
      "arguments",
    ]);
  });
  await t.step("is refused to", async (t) => {
    const path = `${ALL}/${(await createTool(owner)).id}/test`;
    await attack(t, { tenant, method: "POST", path, body: { arguments: { n: 1 } } });
  });
});
