import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import type { Body } from "../harness/answer.ts";
import { expect, refused } from "../harness/expect.ts";
import { createEdge, verify } from "../harness/pipelines.ts";
import { createTenant, type User } from "../harness/tenant.ts";

const UNKNOWN = "/pipelines/edges/00000000-0000-4000-8000-000000000000/verifications";

const verdict = async (user: User, spec: { kind: string; [key: string]: unknown }) => {
  const { id } = await createEdge(user, spec);
  return expect(await user.post(`/pipelines/edges/${id}/verifications`), 201);
};

const test = (expected: unknown) => [{ name: "adds one", input: 1, expect: expected }];

Deno.test("verify_edge", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;

  await t.step("passes when each test returns what it expects", async () => {
    const passed = await verdict(owner, {
      kind: "jsonata",
      expression: '{"sum": $sum(input.n)}',
      tests: [{ name: "adds up", input: [{ n: 1 }, { n: 2 }], expect: { sum: 3 } }],
    });
    assert.equal(passed.verification_status, "passed");
    assert.match(passed.verification_logs, /ok: adds up/);
    assert.equal(passed.verified_by, owner.id);
    assert.ok(passed.verified_at);
    const code = await verdict(owner, { kind: "code", source: "return input + 1", tests: test(2) });
    assert.equal(code.verification_status, "passed");
    const identity = await verdict(owner, { kind: "identity", tests: test(1) });
    assert.equal(identity.verification_status, "passed");
  });

  await t.step("fails with the reason and its place", async () => {
    const fails = async (spec: { kind: string; [key: string]: unknown }, reason: RegExp) => {
      const failed = await verdict(owner, spec);
      assert.equal(failed.verification_status, "failed");
      assert.match(failed.verification_logs, reason);
    };
    await fails({ kind: "code", source: "return input", tests: test(2) }, /expected 2 but got 1/);
    await fails({ kind: "code", source: "let x =\n]" }, /line 2/);
    await fails({ kind: "jsonata", expression: "input[" }, /position \d+/);
    await fails({ kind: "code", source: "throw new Error('no')", tests: test(1) }, /no/);
    await fails({ kind: "code", source: "while (true) {}", tests: test(1) }, /longer than/);
    const memory = "const a = []; while (true) a.push(new Array(1e5).fill(1))";
    await fails({ kind: "code", source: memory, tests: test(1) }, /memory|longer than/);
    await fails({ kind: "jsonata", expression: "input.x.$foo()", tests: test(1) }, /FAILED/);
    const input_schema = { type: "string" };
    await fails({ kind: "identity", input_schema, tests: test(1) }, /input_schema/);
  });

  await t.step("knows no other edges", async () => {
    refused(await owner.post(UNKNOWN), 404, "not_found");
  });
  await t.step("is refused to", async (t) => {
    const { id } = await createEdge(owner);
    await attack(t, { tenant, method: "POST", path: `/pipelines/edges/${id}/verifications` });
  });
});

Deno.test("list_edge_verifications", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const edge = await createEdge(owner);
  const path = `/pipelines/edges/${edge.id}/verifications`;

  await t.step("shows those of all versions, newest first", async () => {
    assert.deepEqual(expect(await owner.get(path), 200).data, []);
    await verify(owner, edge);
    const next = { spec: { kind: "code", source: "return 1", tests: test(2) } };
    expect(await owner.post(`/pipelines/edges/${edge.id}/versions`, next), 201);
    expect(await owner.post(path), 201);
    const { data } = expect(await owner.get(path), 200);
    const statuses = data.map(({ verification_status }: Body) => verification_status);
    assert.deepEqual(statuses, ["failed", "passed"]);
  });
  await t.step("refuses", async () => {
    refused(await owner.get(UNKNOWN), 404, "not_found");
    refused(await owner.get(`${path}?cursor=x`), 400, "invalid_cursor");
  });
  await t.step("is refused to", (t) => attack(t, { tenant, method: "GET", path }));
});
