import assert from "node:assert/strict";
import { parseJson } from "@shared/json.ts";
import { runSandboxed } from "@shared/sandbox.ts";

/** Expressions whose JSON must be the same in the sandbox as in the host's own engine. */
const SAMPLES = [
  // Arrays
  "[3, 1, 2].sort(), [3, 1, 10].sort(), [3, 1, 10].toSorted((a, b) => a - b)",
  "[].concat([1], 2, [[3]]), [[1, [2]], 3].flat(), [1, [2, [3]]].flat(Infinity)",
  "[1, 2, 3].flatMap((x) => [x, x]), [1, 2, 3].at(-1), [1, 2, 3].with(1, 9)",
  "[1, 2, 3, 4].splice(1, 2), [1, 2, 3].copyWithin(0, 1), [1, 2, 3].fill(7, 1)",
  "[1, 2, 3].reduce((a, b) => a + b), [1, 2, 3].reduceRight((a, b) => a + '-' + b)",
  "[1, , 3].includes(undefined), [1, , 3].indexOf(undefined), [NaN].includes(NaN)",
  "Array.prototype.slice.call({ length: 1, 0: 'a' }), Array.prototype.map.call('ab', (c) => c + c)",
  "Array.prototype.push.call({ length: 2 }, 5), Array.prototype.join.call('abc', '-')",
  "Array.from({ length: 3 }, (_, i) => i * i), Array.of(7, 8), [...'żółw'], [...[1, 2].entries()]",
  "Array.prototype.fill.call({ length: 2 }, 1), Array.prototype.reverse.call({ length: 2, 0: 1, 1: 2 })",
  "[1, [2, [3, null]], undefined].join(), String([1, [2, 3]]), [3, 4].findLast((x) => x > 2)",
  "[].flat.length, [].fill.name, Array.prototype.concat.length, [].flat.name, Array.from.length",
  "Object.groupBy([1, 2, 3], (x) => x % 2 ? 'odd' : 'even')",
  // Typed arrays
  "Array.from(new Uint8Array([3, 1, 300]).sort()), [...new Float64Array([1.5, 2]).map((x) => x * 2)]",
  "[...new Uint8Array([1, 2, 3]).subarray(1)], new Uint8Array(new ArrayBuffer(8).slice(2)).length",
  "[...new Int16Array([1, 2, 3]).fill(9, 1)], new DataView(new ArrayBuffer(4)).getInt32(0)",
  // Text
  "'a,b'.split(','), 'abc'.split(''), 'aXbX'.replaceAll('X', (m) => m.toLowerCase())",
  "'x'.padStart(3, 'ab'), 'x'.padEnd(4), 'ab'.repeat(2), '  x '.trim(), 'ŻÓŁĆ'.toLowerCase()",
  "'abcabc'.lastIndexOf('b'), 'abc'.at(-1), 'abc'.substring(2, 0), 'straße'.toUpperCase()",
  "'e\\u0301'.normalize('NFC').length, '🦊'.codePointAt(0), String.fromCodePoint(129418)",
  "String.raw`a\\n${1}`, 'a-b-c'.replace(/-/g, '+'), 'abc'.localeCompare('abd') < 0",
  "[...'a1b22'.matchAll(/\\d+/g)].map((m) => m[0] + m.index), 'x=1'.match(/(?<k>\\w)=(\\d)/).groups.k",
  "/(\\d+)-(\\d+)/.exec('10-20').slice(1), 'ab12'.search(/\\d/), 'a.b*c'.split(/[.*]/)",
  "encodeURIComponent('a b&ż'), decodeURIComponent('%C5%BC'), escape('a b'), isNaN('x')",
  "'abc'.concat(1, null), 'abc' < 'abd', `${[1, 2]}-${{}}`",
  // Objects and JSON
  "Object.entries({ b: 1, a: 2, 1: 3 }), Object.assign({}, { a: 1 }, null, 'xy')",
  "Object.fromEntries(new Map([['a', 1]])), Object.isFrozen(Object.freeze([1]))",
  "Object.getOwnPropertyNames('ab'), Reflect.ownKeys({ x: 1, [Symbol.iterator]: 2 }).length",
  "JSON.stringify({ a: [1, undefined, () => 1], b: undefined, c: new Date(0), d: NaN }, null, 2)",
  "JSON.stringify({ a: 1, b: [2] }, ['a']), JSON.stringify('\\u2028\\ud800'), JSON.parse('[1e3, -0]')",
  "JSON.parse('{\"a\":[1,2]}', (k, v) => typeof v === 'number' ? v + 1 : v)",
  "({ ...{ a: 1 }, ...[2] }), (({ a, ...rest }) => rest)({ a: 1, b: 2 })",
  // Collections, generators, classes
  "[...new Set([1, 1, 2])], [...new Map([[1, 2]]).keys()], new Set([1]).has(1)",
  "[...function* () { yield* [1, 2]; return 3 }()], new (class A { #x = 1; get x() { return this.#x } })().x",
  "(() => { const seen = []; new Map([[1, 2]]).forEach(function (v, k) { seen.push(v, k, this.t) }, { t: 3 }); return seen })()",
  "(() => { try { null.x } catch (e) { return e instanceof TypeError } })(), typeof Symbol.iterator",
  "(() => { outer: for (let i = 0; ; i++) for (let j = 0; j < 3; j++) if (i * j === 4) break outer; return 'out' })()",
  // Numbers
  "(255).toString(16), (0.1 + 0.2).toFixed(2), (1e21).toString(), (123.456).toPrecision(4)",
  "Number('0x1f'), parseInt('12px'), parseFloat('1.5e3x'), Number(''), Number('1_0')",
  "String(2n ** 100n), String(-7n / 2n), String(BigInt.asUintN(8, 257n)), 10n > 9",
  "Math.max(...[1, 5, 3]), Math.hypot(3, 4), Math.trunc(-1.5), Math.max.apply(null, { length: 2, 0: 1, 1: 2 })",
  "new Date(Date.UTC(2020, 1, 29)).toISOString(), new Date('2020-01-01T00:00:00Z').getTime()",
];

Deno.test("built-ins give what the host's own engine gives", async () => {
  for (const sample of SAMPLES) {
    const source = `return [${sample}]`;
    const expected = parseJson(JSON.stringify(new Function(source)()));
    assert.deepEqual(await runSandboxed(source, null), expected, sample);
  }
});

Deno.test("built-ins are the engine's own", async () => {
  const source = `return [Array, String, Object, JSON, Uint8Array].flatMap((its) =>
    [its, its.prototype ?? {}].flatMap((target) => Reflect.ownKeys(target)
      .filter((key) => key !== "caller" && key !== "arguments")
      .map((key) => Object.getOwnPropertyDescriptor(target, key).value)
      .filter((value) => typeof value === "function" && !String(value).includes("[native code]"))
      .map((value) => value.name)))`;
  assert.deepEqual(await runSandboxed(source, null), []);
});
