import assert from "node:assert/strict";
import { applyEdge, verifyEdge } from "../../../supabase/functions/pipelines/execution/edge.ts";
import { stepError } from "./failure.ts";

const CONTEXT = { seed: "run:step" };

Deno.test("the three kinds transform", async () => {
  const input = [{ n: 1 }, { n: 2 }];
  assert.deepEqual(await applyEdge({ kind: "identity" }, input, CONTEXT), input);
  assert.equal(
    await applyEdge({ kind: "jsonata", expression: "$sum(input.n)" }, input, CONTEXT),
    3,
  );
  const source = "return input.reduce((sum, { n }) => sum + n, 0)";
  assert.equal(await applyEdge({ kind: "code", source }, input, CONTEXT), 3);
});

Deno.test("code that fails has its message and position", async () => {
  const error = await stepError(
    applyEdge({ kind: "code", source: "const a = input;\nreturn a.b.c;" }, {}, CONTEXT),
  );
  assert.equal(error.code, "code_runtime");
  assert.match(error.message, /cannot read property 'c' of undefined.*\(line 2, column \d+\)/);
  assert.equal(error.position?.line, 2);
  const endless = { kind: "code", source: "for (;;);" } as const;
  assert.equal(
    (await stepError(applyEdge(endless, null, { ...CONTEXT, timeoutMs: 50 }))).code,
    "code_timeout",
  );
});

Deno.test("input and output are held to their schemas, by path", async () => {
  const schema = {
    type: "array",
    items: {
      type: "object",
      required: ["n"],
      properties: { n: { type: "number" }, tags: { type: "array", items: { type: "string" } } },
    },
  };
  const spec = { kind: "identity", input_schema: schema } as const;
  await applyEdge(spec, [{ n: 1 }], CONTEXT);
  const error = await stepError(applyEdge(spec, [{ n: 1, tags: ["a", 2] }], CONTEXT));
  assert.equal(error.code, "input_invalid");
  assert.match(error.message, /input\/0\/tags\/1/);
  const output = { kind: "identity", output_schema: { type: "string" } } as const;
  assert.equal((await stepError(applyEdge(output, 1, CONTEXT))).code, "output_invalid");
  const missing = { kind: "identity", input_schema: { $ref: "#/$defs/none" } } as const;
  assert.equal((await stepError(applyEdge(missing, 1, CONTEXT))).code, "schema_invalid");
});

Deno.test("a schema's pattern can't stall the process", async () => {
  const original = globalThis.RegExp;
  const spec = { kind: "identity", input_schema: { pattern: "^(a+)+$" } } as const;
  const started = performance.now();
  const error = await stepError(applyEdge(spec, "a".repeat(5000) + "b", CONTEXT));
  assert.equal(error.code, "input_invalid");
  assert.ok(performance.now() - started < 5000);
  await applyEdge(spec, "aaa", CONTEXT);
  await applyEdge(spec, "aaa", CONTEXT);
  assert.equal(globalThis.RegExp, original);
});

Deno.test("a verification passes when each test's result equals what it expects", async () => {
  const verification = await verifyEdge({
    kind: "jsonata",
    expression: "input.{'y': x}",
    tests: [
      { name: "one", input: { x: 1 }, expect: { y: 1 } },
      { name: "none", input: { x: -0 }, expect: { y: 0 } },
    ],
  });
  assert.deepEqual(verification, {
    passed: true,
    logs: "ok: one\nok: none\n2 passed, 0 failed",
    results: [{ name: "one", passed: true }, { name: "none", passed: true }],
  });
});

Deno.test("a verification says what was expected and what came", async () => {
  const { passed, logs, results } = await verifyEdge({
    kind: "code",
    source: "if (input === 2) throw new Error('two'); return { value: input }",
    tests: [
      { name: "one", input: 1, expect: { value: 1 } },
      { name: "wrong", input: 3, expect: { value: 4 } },
      { name: "throws", input: 2, expect: null },
    ],
  });
  assert.equal(passed, false);
  assert.deepEqual(results.map(({ passed }) => passed), [true, false, false]);
  assert.match(logs, /FAILED: wrong: expected \{"value":4\} but got \{"value":3\}/);
  assert.match(logs, /FAILED: throws: two \(line 1/);
  assert.match(logs, /1 passed, 2 failed/);
});

Deno.test("without tests, and before them, the edge must compile", async () => {
  assert.equal((await verifyEdge({ kind: "identity" })).passed, true);
  assert.equal((await verifyEdge({ kind: "code", source: "return input" })).passed, true);
  const code = await verifyEdge({
    kind: "code",
    source: "return (",
    tests: [{ name: "one", input: 1, expect: 1 }],
  });
  assert.equal(code.passed, false);
  assert.match(code.logs, /FAILED: compiles: SyntaxError/);
  const jsonata = await verifyEdge({ kind: "jsonata", expression: "1 +" });
  assert.match(jsonata.logs, /S0207/);
  assert.equal(jsonata.passed, false);
});

Deno.test("a verification ends within its time and says what it left out", async () => {
  const tests = Array.from({ length: 5 }, (_, i) => ({ name: `t${i}`, input: i, expect: i }));
  const { passed, logs } = await verifyEdge({ kind: "code", source: "for (;;);", tests }, 100);
  assert.equal(passed, false);
  assert.match(logs, /FAILED: t0: the code ran longer/);
  assert.match(logs, /stopped after 0\.1 s with 4 of 5 tests not run/);
});
