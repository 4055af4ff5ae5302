import assert from "node:assert/strict";
import { runSandboxed, SandboxError } from "@shared/sandbox.ts";

const TIMEOUT_MS = 300;
const MANY_KEYS = "const o = {}; for (let i = 0; i < 1e5; i++) o['k' + i] = i;";
const PAIRS = "const e = Array.from({ length: 1e5 }, (_, i) => ['k' + i, i]);";
const LONG = "const s = 'x'.repeat(1e7);";
const SHARED = "let a = [1]; for (let i = 0; i < 40; i++) a = [a, a];";
const BYTES = "const u = new Uint8Array(2e7);";

/** Each would keep one built-in busy for seconds, minutes or years: nothing in QuickJS stops it. */
const NATIVE_LOOPS = {
  array: [
    "[].indexOf.call({ length: 2 ** 53 - 1 }, 1)",
    "[].reverse.call({ length: 2 ** 53 - 1 })",
    "[].sort.call({ length: 2 ** 31 })",
    "const a = []; a.length = 2 ** 32 - 1; return a.join('')",
    "return new Array(2 ** 25).join().length",
    "return new Array(1e9).fill(0)",
    "return [].concat(new Array(2 ** 32 - 1), 1).length",
    "const a = new Array(1e6).fill(1); for (;;) [...a]",
    "const a = new Array(1e6).fill(1); for (;;) { const [x, ...rest] = a }",
    "const a = Array.from({ length: 3e5 }, (_, i) => i * 7919 % 3e5); for (;;) [...a].sort()",
    "const a = []; for (;;) a.unshift(0)",
    `${SHARED} return a.flat(Infinity)`,
    `${SHARED} return String(a)`,
  ],
  bytes: [
    "const u = new Uint8Array(60 * 1024 * 1024); for (let i = 0; i < 1e9; i++) u.fill(i)",
    "for (;;) new ArrayBuffer(5e7)",
    `${BYTES} for (;;) u.copyWithin(1, 0)`,
    `${BYTES} for (;;) u.set(u.subarray(1), 0)`,
    `${BYTES} for (;;) u.indexOf(1)`,
    `${BYTES} for (;;) u.buffer.slice(0)`,
    "return Uint8Array.from({ length: 5e7 }).length",
    "const f = new Float64Array(4e6); for (;;) f.sort()",
  ],
  text: [
    "return String.raw({ raw: { length: 2 ** 31 } })",
    `${LONG} let c = 0; for (let i = 0; i < 400; i++) c += s.toUpperCase().length; return c`,
    `${LONG} for (;;) s.split('')`,
    `${LONG} for (;;) s.normalize('NFD')`,
    `${LONG} for (;;) s.padStart(2e7, 'ab')`,
    `${LONG} const t = s.slice(1) + 'y'; for (;;) s === t`,
    `${LONG} for (;;) ({})[s + Math.random()]`,
    `${LONG} for (;;) \`\${s}\${s}\``,
    `${LONG} for (;;) encodeURIComponent(s)`,
    "const s = '1'.repeat(1e7); for (;;) Number(s)",
    "const s = '2020-01-01' + ' '.repeat(1e7); for (;;) Date.parse(s)",
    "return 'a'.repeat(2e6).indexOf('a'.repeat(1e6) + 'b')",
    "return 'a'.repeat(2e6).replaceAll('a'.repeat(1e6) + 'b', '')",
    "const s = 'a'.repeat(1e6); for (;;) s.match(/a/g)",
  ],
  json: [
    `const a = new Array(1e6).fill(1); let c = 0;
     for (let i = 0; i < 60; i++) c += JSON.stringify(a).length; return c`,
    "return JSON.parse('[' + '1,'.repeat(5e6) + '1]')",
    `${SHARED} return JSON.stringify(a)`,
    `${SHARED} return a`,
  ],
  objects: [
    `${MANY_KEYS} for (;;) Object.entries(o)`,
    `${MANY_KEYS} for (;;) Object.assign({}, o)`,
    `${MANY_KEYS} for (;;) ({ ...o })`,
    `${MANY_KEYS} for (;;) for (const k in o) break`,
    `${PAIRS} for (;;) Object.fromEntries(e)`,
    `${PAIRS} for (;;) new Map(e)`,
    "function f() {} for (;;) f.apply(null, { length: 60000 })",
    "function* g() { for (;;) yield 1 } return [...g()]",
    "const m = new Map([[0, 0]]); m.forEach((_, k) => { m.delete(k); m.set(k + 1, 0) })",
  ],
  numbers: [
    "let b = 3n; for (;;) b = b * b",
    "return String(2n ** 1000000n * 3n ** 600000n)",
    "const b = 1n << 1000000n; for (;;) b % 12345678901234567890123456789n",
  ],
  code: [
    // 50,000 statements between two places where QuickJS asks: it would ask after minutes.
    "Function('let x = 0; for (;;) {' + 'x = x + 1;'.repeat(50000) + '}')()",
    "for (;;) eval('1+'.repeat(1e5) + '1')",
    "for (;;) { try { for (;;) JSON.stringify(new Array(1e6).fill(1)) } catch {} }",
    "for (;;) { try { await JSON.stringify(new Array(1e6).fill(1)) } finally { continue } }",
  ],
  failure: [
    "throw { get message() { for (;;); } }",
    "throw { get message() { for (;;) JSON.stringify(new Array(1e6).fill(1)) } }",
  ],
};

for (const [kind, sources] of Object.entries(NATIVE_LOOPS)) {
  Deno.test(`no built-in outlives the deadline: ${kind}`, async () => {
    await runSandboxed("return 1", null);
    for (const source of sources) {
      const started = Date.now();
      await assert.rejects(
        runSandboxed(source, null, { timeoutMs: TIMEOUT_MS }),
        ({ kind }: SandboxError) => kind === "timeout" || kind === "memory",
        source,
      );
      assert.ok(Date.now() - started < 1500, `${Date.now() - started} ms: ${source}`);
    }
    assert.equal(await runSandboxed("return 'next'", null), "next");
  });
}

Deno.test("impossible lengths are errors at once", async () => {
  const sources = [
    "return Array.from({ length: 2 ** 53 - 1 })",
    "return new Uint8Array({ length: 2 ** 32 })",
    "return BigInt('9'.repeat(1e6))",
    "return 'x'.repeat(2 ** 30)",
    "return [].concat.apply([], { length: 1e9 })",
  ];
  for (const source of sources) {
    await assert.rejects(runSandboxed(source, null), /RangeError/, source);
  }
});

Deno.test("a result that comes too late is a timeout", async () => {
  // Not one loop in the author's code, so that QuickJS never asks.
  const source = "return JSON.stringify(new Array(3e5).fill(1)).length";
  assert.equal(await runSandboxed(source, null, { timeoutMs: 20_000 }), 600_001);
  const late = runSandboxed(source, null, { timeoutMs: 10 });
  await assert.rejects(late, { kind: "timeout", message: "the code ran longer than 10 ms" });
});

Deno.test("a loop of the author's own still ends with its line", async () => {
  const loop = runSandboxed("\n\nfor (;;) Math.max();", null, { timeoutMs: 100 });
  await assert.rejects(loop, { kind: "timeout", line: 3 });
});

Deno.test("100 broken-off runs do not grow the memory, and disturb no other run", async () => {
  const hog = "const u = new Uint8Array(5e7).fill(1); [].indexOf.call({ length: 2 ** 53 - 1 }, u)";
  const kill = () => assert.rejects(runSandboxed(hog, null, { timeoutMs: 1 }), { kind: "timeout" });
  await kill();
  const before = Deno.memoryUsage().rss;
  for (let i = 0; i < 50; i++) {
    const [, fine] = await Promise.all([kill(), runSandboxed("return input", i), kill()]);
    assert.equal(fine, i);
  }
  assert.ok(Deno.memoryUsage().rss - before < 128 * 1024 * 1024);
});
