import assert from "node:assert/strict";
import { parseJson } from "@shared/json.ts";
import { checkSyntax, runSandboxed, SandboxError } from "@shared/sandbox.ts";

async function failure(source: string, options = {}): Promise<SandboxError> {
  try {
    const value = await runSandboxed(source, null, options);
    assert.fail(`nothing failed: ${JSON.stringify(value)}`);
  } catch (error) {
    if (error instanceof SandboxError) return error;
    throw error;
  }
}

Deno.test("a function body reads its input and returns JSON", async () => {
  assert.deepEqual(await runSandboxed("return input.map((n) => n * 2);", [1, 2, 3]), [2, 4, 6]);
  assert.equal(await runSandboxed("return null // the last line is a comment", null), null);
  assert.equal(await runSandboxed("return 'żółć 🦊' + input", "łąka"), "żółć 🦊łąka");
});

Deno.test("await works on promises that the code settles itself", async () => {
  assert.equal(await runSandboxed("return (await Promise.all([1, 2])).length", null), 2);
  const error = await failure("await new Promise(() => {})");
  assert.equal(error.kind, "runtime");
  assert.match(error.message, /never settles/);
  assert.equal((await failure("throw await Promise.reject(new Error('late'))")).message, "late");
});

Deno.test("a syntax error has its line and column in the author's source", async () => {
  const error = await failure("const fine = 1;\nconst broken = ;");
  assert.deepEqual([error.kind, error.line, error.column], ["syntax", 2, 16]);
  assert.equal(error.located, `${error.message} (line 2, column 16)`);
  await checkSyntax("return input");
  await assert.rejects(checkSyntax("return ("), { name: "SandboxError", kind: "syntax" });
});

Deno.test("a runtime error has its message, line and column", async () => {
  const error = await failure("\n\n  missing.value();");
  assert.deepEqual([error.kind, error.line, error.column], ["runtime", 3, 3]);
  assert.match(error.message, /ReferenceError: 'missing' is not defined/);
  assert.equal((await failure("throw 'plain text'")).message, "plain text");
  assert.equal((await failure("return JSON.parse('{')")).kind, "runtime");
});

Deno.test("loops end at the deadline, whatever the code catches", async () => {
  const options = { timeoutMs: 100 };
  const loops = [
    "while (true) {}",
    "for (;;) await 0",
    "try { for (;;); } finally { return 'escaped' }",
    "for (;;) { try { for (;;); } catch {} }",
    "async function f() { for (;;) { try { await f() } catch {} } } return f()",
    "return /^(a+)+$/.test('a'.repeat(40) + 'b')",
    "let a = []; for (let i = 0; i < 40; i++) a = [a, a]; return a.flat(Infinity)",
    "return JSON.stringify({ toJSON() { for (;;); } })",
    "return { toJSON() { for (;;); } }",
  ];
  for (const source of loops) {
    assert.equal((await failure(source, options)).kind, "timeout", source);
  }
  assert.equal(await runSandboxed("return 'next'", null), "next");
});

Deno.test("an option that is undefined has its default", async () => {
  const options = { timeoutMs: undefined, now: undefined, seed: undefined };
  assert.equal((await failure("for (;;);", options)).kind, "timeout");
  assert.equal(await runSandboxed("return Date.now()", null, options), 0);
});

Deno.test("runs side by side don't disturb each other, even when one breaks the engine", async () => {
  const sources = ["return eval('('.repeat(1e5))", "return 'fine'", "throw new Error('own')"];
  const runs = Array.from({ length: 30 }, (_, i) => runSandboxed(sources[i % 3] ?? "", null));
  const results = await Promise.allSettled(runs);
  results.forEach((result, i) => {
    const text = result.status === "fulfilled" ? result.value : result.reason.message;
    assert.equal(text, ["the code or its data nests too deeply", "fine", "own"][i % 3]);
  });
});

Deno.test("memory has an end and the next run works", async () => {
  const hogs = [
    "const a = []; for (;;) a.push(new Uint8Array(1 << 20))",
    "const a = []; for (;;) a.push(1, 2, 3, 'abc' + a.length)",
    "let s = 'x'; for (;;) s = s + s.slice(1) + 'y'; return s",
  ];
  for (const source of hogs) {
    const error = await failure(source, { timeoutMs: 10_000 });
    assert.ok(["memory", "runtime"].includes(error.kind), `${error.kind} ${source}`);
    assert.equal(await runSandboxed("return 1", null), 1);
  }
  const count = `const a = []; try { for (;;) a.push(new Uint8Array(1 << 20)) } catch {}
    const { length } = a; a.length = 0; return length`;
  const mebibytes = await runSandboxed(count, null, { timeoutMs: 10_000 });
  assert.ok(typeof mebibytes === "number" && mebibytes > 32 && mebibytes < 96, `${mebibytes}`);
  const hog = hogs[0] ?? "";
  assert.equal((await failure(hog, { memoryBytes: 4 * 1024 * 1024 })).kind, "memory");
  assert.match((await failure("return 'x'.repeat(2 ** 30)")).message, /invalid string length/);
});

Deno.test("recursion and nesting end without breaking the next run", async () => {
  const deep = [
    "function f() { return f() + 1 } return f()",
    "let a = []; for (let i = 0; i < 3e5; i++) a = [a]; return a",
    "return eval('('.repeat(1e5))",
    "return JSON.parse('['.repeat(1e6))",
  ];
  // After an overflow of V8's own stack the engine can free nothing: a few of them would fill it.
  for (const source of [...deep, ...deep, ...deep, ...deep]) {
    assert.ok(["runtime", "output"].includes((await failure(source)).kind), source);
    assert.equal(await runSandboxed("return 1", null), 1);
  }
  const walk = "const depth = (n) => n === 0 ? 0 : 1 + depth(n - 1); return depth(800)";
  assert.equal(await runSandboxed(walk, null), 800);
});

Deno.test("what is not JSON is refused with a reason", async () => {
  const refused: [string, RegExp][] = [
    ["return undefined", /returned nothing/],
    ["1 + 1", /returned nothing/],
    ["return () => 1", /function/],
    ["return 1n", /bigint/],
    ["return [1n]", /BigInt/],
    ["return Symbol()", /symbol/],
    ["const a = {}; a.a = a; return a", /circular/],
    ["return { toJSON() {} }", /toJSON/],
  ];
  for (const [source, reason] of refused) {
    const error = await failure(source);
    assert.equal(error.kind, "output", source);
    assert.match(error.message, reason);
  }
  const long = await failure("return 'x'.repeat(2000)", { maxOutputBytes: 1000 });
  assert.equal(long.kind, "output");
  assert.match(long.message, /1000 bytes/);
});

Deno.test("there is no host to reach", async () => {
  const hosts = "typeof fetch + typeof Deno + typeof process + typeof require + typeof WebSocket";
  const nothing = "undefined".repeat(5);
  assert.equal(await runSandboxed(`return ${hosts}`, null), nothing);
  assert.equal(await runSandboxed(`return Function("return ${hosts}")()`, null), nothing);
  assert.equal(await runSandboxed(`return eval("${hosts}")`, null), nothing);
  const chain = `return input.constructor.constructor("return ${hosts}")()`;
  assert.equal(await runSandboxed(chain, []), nothing);
  assert.match((await failure("return await import('node:fs')")).message, /could not load/);
});

Deno.test("a run leaves nothing behind, neither on the host nor for the next run", async () => {
  const input = parseJson('{"__proto__":{"polluted":1},"list":[1]}');
  await runSandboxed(
    `Object.prototype.polluted = 1; input.list.push(2); globalThis.left = 1;
     JSON.parse = () => 'hijacked'; JSON.stringify = () => '"hijacked"'; return {}`,
    input,
  );
  assert.ok(!("polluted" in {}));
  assert.deepEqual(input, parseJson('{"__proto__":{"polluted":1},"list":[1]}'));
  assert.equal(
    await runSandboxed("return typeof left + ({}).polluted", null),
    "undefinedundefined",
  );
});

Deno.test("the clock stands still in UTC and the dice are seeded", async () => {
  const now = Date.UTC(2026, 0, 2, 3, 4, 5);
  const source = `return [Date.now(), new Date(), new Date().getHours(), new Date(2020, 6, 1),
    new Date("2020-07-01T10:00"), new Date("2020-07-01T10:00+02:00"), new Date("2020-07-01"),
    new (new Date(0).constructor)().getTime(), new Date() instanceof Date]`;
  assert.deepEqual(await runSandboxed(source, null, { now }), [
    now,
    "2026-01-02T03:04:05.000Z",
    3,
    "2020-07-01T00:00:00.000Z",
    "2020-07-01T10:00:00.000Z",
    "2020-07-01T08:00:00.000Z",
    "2020-07-01T00:00:00.000Z",
    now,
    true,
  ]);
  const dice = "return [Math.random(), Math.random()]";
  const first = await runSandboxed(dice, null, { seed: "run:step" });
  assert.deepEqual(await runSandboxed(dice, null, { seed: "run:step" }), first);
  assert.notDeepEqual(await runSandboxed(dice, null, { seed: "run:other" }), first);
});

Deno.test("500 failing runs do not grow the memory", async () => {
  const source = "const a = new Array(2000).fill({ x: 1 }); throw new Error('x' + a.length)";
  await failure(source);
  const before = Deno.memoryUsage().rss;
  for (let i = 0; i < 500; i++) assert.equal((await failure(source)).message, "x2000");
  assert.ok(Deno.memoryUsage().rss - before < 64 * 1024 * 1024);
});
