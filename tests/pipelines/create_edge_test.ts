import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { createEdge, uniqueName } from "../harness/pipelines.ts";
import { createTenant } from "../harness/tenant.ts";

const PATH = "/pipelines/edges";

Deno.test("create_edge", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;

  await t.step("adds an edge with its version 1", async () => {
    const spec = {
      kind: "jsonata",
      expression: "[input[n > 1]]",
      input_schema: { type: "array" },
      output_schema: { type: "array", items: { type: "object" } },
      tests: [{ name: "keeps the large ones", input: [{ n: 1 }, { n: 2 }], expect: [{ n: 2 }] }],
    };
    const name = uniqueName("large");
    const answer = await owner.post(PATH, { name, description: "n > 1", spec, metadata: { a: 1 } });
    const edge = expect(answer, 201);
    assert.equal(edge.name, name);
    assert.equal(edge.organization_id, tenant.organizationId);
    assert.deepEqual(edge.current_version.spec, spec);
    assert.equal(edge.current_version.version_number, 1);
    assert.equal(answer.headers.get("location"), `/functions/v1/pipelines/edges/${edge.id}`);
    assert.equal(answer.headers.get("etag"), `"${edge.revision}"`);
  });

  await t.step("takes all three kinds", async () => {
    await createEdge(owner, { kind: "identity" });
    await createEdge(owner, { kind: "jsonata", expression: "input" });
    await createEdge(owner, { kind: "code", source: "return input;" });
  });

  await t.step("names what is wrong with the body", async () => {
    const wrong = async (body: unknown, ...paths: string[]) => {
      refused(await owner.post(PATH, body), 422, "validation_failed", paths);
    };
    const spec = { kind: "identity" };
    await wrong({ name: "", spec }, "name");
    await wrong({ name: "e" }, "spec");
    await wrong({ name: "e", spec: { kind: "sql" } }, "spec.kind");
    await wrong({ name: "e", spec: { kind: "code" } }, "spec.source");
    await wrong({ name: "e", spec: { kind: "jsonata", expression: "" } }, "spec.expression");
    await wrong({ name: "e", spec: { ...spec, tests: [{ name: "t" }] } }, "spec.tests.0.input");
    await wrong({ name: "e", spec, block_type: "model" }, "");
    const schema = (output_schema: unknown) => ({ name: "e", spec: { ...spec, output_schema } });
    await wrong(
      schema({ properties: { a: { type: "text" } } }),
      "spec.output_schema.properties.a.type",
    );
    await wrong(schema({ items: { $ref: "#/$defs/none" } }), "spec.output_schema.items.$ref");
    await wrong(schema({ items: { $id: "#/$defs/none" } }), "spec.output_schema.items");
    const bomb = Array.from({ length: 40 }, (_, index) => {
      const next = { $ref: `#/$defs/d${index + 1}` };
      return [`d${index}`, index < 39 ? { allOf: [next, next] } : {}];
    });
    const large = { $ref: "#/$defs/d0", $defs: Object.fromEntries(bomb) };
    const refusal = await owner.post(PATH, schema(large));
    const { errors: [error] } = refused(refusal, 422, "validation_failed");
    assert.match(error.path, /^spec\.output_schema\.\$defs/);
    assert.equal(error.message, "The schema is too large");
  });

  await t.step("a name is taken once in an organization", async () => {
    const { name } = await createEdge(owner);
    const again = { name, spec: { kind: "identity" } };
    refused(await owner.post(PATH, again), 409, "conflict");
    expect(await (await tenant.stranger()).post(PATH, again), 201);
  });

  await t.step("is refused to", async (t) => {
    const body = { name: uniqueName("e"), spec: { kind: "identity" } };
    await attack(t, { tenant, method: "POST", path: PATH, body, stranger: "own" });
  });
});
