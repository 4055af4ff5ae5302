import assert from "node:assert/strict";
import {
  checkJsonata,
  evaluateJsonata,
} from "../../../supabase/functions/pipelines/execution/jsonata.ts";
import { stepError } from "./failure.ts";

Deno.test("an expression sees its input and results in plain JSON", async () => {
  assert.equal(await evaluateJsonata("$sum(input.price)", [{ price: 2 }, { price: 3 }]), 5);
  assert.equal(await evaluateJsonata("input.missing", {}), null);
  const rows = await evaluateJsonata("input[x > 1].{'y': x}[]", [{ x: 1 }, { x: 2 }]);
  assert.deepEqual(rows, [{ y: 2 }]);
});

Deno.test("an error has JSONata's code, its message and the position", async () => {
  const syntax = await stepError(evaluateJsonata("input.\n  x +", null));
  assert.equal(syntax.code, "jsonata_S0207");
  assert.deepEqual(syntax.position, { offset: 12, line: 2, column: 6 });
  const type = await stepError(evaluateJsonata("1 + 'a'", null));
  assert.equal(type.code, "jsonata_T2002");
  assert.match(type.message, /must evaluate to a number \(T2002 at position 3, line 1\)/);
  assert.equal(type.retryable, false);
  assert.match((await stepError(evaluateJsonata("$error('no rain')", null))).message, /no rain/);
  assert.equal((await stepError(checkJsonata("(1"))).code, "jsonata_S0203");
  await checkJsonata("(1)");
});

Deno.test("functions are no result", async () => {
  for (const expression of ["$sum", "function($x) { $x }", "[1, function() { 1 }]", "/a/"]) {
    assert.equal((await stepError(evaluateJsonata(expression, null))).code, "jsonata_result");
  }
});

Deno.test("endless and hungry expressions are stopped", async () => {
  const double = (step: string, times: number) =>
    `($f := function($x, $n) { $n = 0 ? $x : $f(${step}, $n - 1) }; $f`.concat(
      step.includes("&") ? `('x', ${times})` : `([1], ${times})`,
      ")",
    );
  const expected: [string, string][] = [
    ["($f := function($n) { $f($n + 1) }; $f(0))", "jsonata_D1012"],
    ["($f := function($n) { 1 + $f($n + 1) }; $f(0))", "jsonata_D1011"],
    ["[1..10000000]", "jsonata_D2015"],
    [double("$append($x, $x)", 40), "jsonata_D2015"],
    [double("$x & $x", 40), "jsonata_limit"],
    [`$split(${double("$x & $x", 28)}, '')`, "jsonata_limit"],
    ["$pad('x', 500000000)", "jsonata_limit"],
  ];
  for (const [expression, code] of expected) {
    const error = await stepError(evaluateJsonata(expression, null, { timeoutMs: 200 }));
    assert.equal(error.code, code, expression);
  }
});

Deno.test("$pad keeps its definition", async () => {
  const expression = "[$pad('x', 5, '-+'), $pad('x', -3), $pad('long', 2), $pad('🦊', 2, '')]";
  assert.deepEqual(await evaluateJsonata(expression, null), ["x-+-+", "  x", "long", "🦊 "]);
});

Deno.test("regular expressions match as ever", async () => {
  const cases: [string, string, unknown][] = [
    ["$match(input, /(\\w+)@(\\w+)/).groups", "joe@home ann@work", ["joe", "home", "ann", "work"]],
    ["$match(input, /b(x)?/)", "ab", { match: "b", index: 1, groups: [null] }],
    ["$replace(input, /(\\w+) (\\w+)/, '$2 $1')", "john smith", "smith john"],
    ["$replace(input, /b+/, 'X')", "abbbcb", "aXcX"],
    ["$split(input, /,\\s*/)", "a,  b,c", ["a", "b", "c"]],
    ["$contains(input, /^B/i)", "abc\nbcd", false],
    ["$contains(input, /^b/m)", "abc\nbcd", true],
    ["$match(input, /🦊/).index", "aé🦊b", 2],
  ];
  for (const [expression, input, result] of cases) {
    assert.deepEqual(await evaluateJsonata(expression, input), result, expression);
  }
});

Deno.test("a catastrophic pattern takes linear time, in $eval too", async () => {
  const bomb = "a".repeat(5000) + "b";
  const started = performance.now();
  assert.equal(await evaluateJsonata("$match(input, /^(a+)+$/)", bomb), null);
  assert.equal(await evaluateJsonata("$eval('$match(input, /^(a+)+$/)')", bomb), null);
  assert.ok(performance.now() - started < 5000);
  const error = await stepError(evaluateJsonata("$match(input, /(?=a)b/)", "ab"));
  assert.equal(error.code, "jsonata_regex");
});
