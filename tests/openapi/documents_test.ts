import assert from "node:assert/strict";
import { Validator } from "@seriousme/openapi-schema-validator";
import type { Body } from "../harness/answer.ts";
import { call } from "../harness/client.ts";
import { assertValid, openApi } from "../harness/contract.ts";
import { expect } from "../harness/expect.ts";

const functions = new URL("../../supabase/functions/", import.meta.url);
const domains = [...Deno.readDirSync(functions)]
  .filter(({ name, isDirectory }) => isDirectory && !name.startsWith("_"))
  .map(({ name }) => name);

/** Every operation of a document as `[name, operation, path]`. */
const operationsOf = (document: Body): [string, Body, string][] =>
  Object.entries<Body>(document.paths).flatMap(([path, operations]) =>
    Object.entries<Body>(operations).map(([method, operation]): [string, Body, string] => [
      `${method.toUpperCase()} ${path}`,
      operation,
      path,
    ])
  );

for (const domain of domains) {
  Deno.test(`the document of ${domain}`, async (t) => {
    const document = expect(await call("GET", `/${domain}/openapi.json`), 200);
    const operations = operationsOf(document);

    await t.step("is valid OpenAPI 3.1", async () => {
      assert.match(document.openapi, /^3\.1\./);
      const { valid, errors } = await new Validator().validate(structuredClone(document));
      assert.ok(valid, JSON.stringify(errors, null, 2));
    });
    await t.step("names and describes each operation", () => {
      for (const [name, { operationId, summary, description }] of operations) {
        assert.match(operationId, /^[a-z]+(_[a-z]+)*$/, name);
        assert.ok(summary.length > 3 && description.length > summary.length / 2, name);
      }
    });
    await t.step("declares every path parameter", () => {
      for (const [name, { parameters = [] }, path] of operations) {
        const declared = parameters.filter((parameter: Body) => parameter.in === "path")
          .map((parameter: Body) => parameter.name);
        const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
        assert.deepEqual(declared.toSorted(), inPath.toSorted(), name);
      }
    });
    await t.step("gives each body an example that satisfies its schema", () => {
      for (const [name, { requestBody }] of operations) {
        if (!requestBody) continue;
        const { schema, example } = requestBody.content["application/json"];
        assert.notEqual(example, undefined, `${name} has no example`);
        assertValid(document, schema, example, `The example of ${name}`);
      }
    });
    await t.step("declares security, success and errors of each operation", () => {
      for (const [name, { security, responses, operationId }] of operations) {
        assert.ok(Array.isArray(security), `${name} declares no security`);
        const statuses = Object.keys(responses).map(Number);
        assert.ok(statuses.some((status) => status < 300), `${name} declares no success`);
        if (operationId.endsWith("_health") || operationId.endsWith("_openapi")) continue;
        const needed = security.length > 0 ? [401, 403, 500] : [500];
        for (const status of needed) assert.ok(statuses.includes(status), `${name}: ${status}`);
        for (const status of statuses.filter((status) => status >= 400)) {
          const { content, description } = responses[status];
          // OpenAI's wire has errors of its own.
          const type = / \/[a-z-]+\/v1\//.test(name)
            ? "application/json"
            : "application/problem+json";
          assert.ok(content[type], `${name}: ${status}`);
          assert.match(description, /^`\w+`/, `${name}: ${status} names its codes`);
        }
      }
    });
    await t.step("refers only to components that it has", () => {
      const references = JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g);
      for (const [, name = ""] of references) assert.ok(name in document.components.schemas, name);
    });
  });

  Deno.test(`the health of ${domain}`, async () => {
    const health = expect(await call("GET", `/${domain}/health`, { apikey: "" }), 200);
    assert.deepEqual(health, { status: "ok", domain });
  });
}

Deno.test("operationIds are unique over all functions", async () => {
  const documents = await Promise.all(domains.map(openApi));
  const ids = documents.flatMap(operationsOf).map(([, { operationId }]) => operationId);
  const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
  assert.deepEqual(twice, []);
  assert.ok(ids.length > 30);
});
