import assert from "node:assert/strict";
import { DEADLINE_EXPORT, meter } from "@shared/sandbox_meter.ts";

const HEADER = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** A module that imports the clock `e.t` and exports `r`, a function with the body given. */
function moduleOf(body: number[]): Uint8Array {
  const sections = [
    [1, 2, 0x60, 0, 1, 0x7c, 0x60, 0, 0], // types: () => f64, () => void
    [2, 1, 1, 0x65, 1, 0x74, 0, 0], // import e.t
    [3, 1, 1], // one function
    [5, 1, 0, 1], // one memory of one page
    [6, 0], // no globals
    [7, 1, 1, 0x72, 0, 1], // export r
    [10, 1, body.length + 2, 0, ...body, 0x0b],
  ];
  const bytes = sections.flatMap(([id = 0, ...content]) => [id, content.length, ...content]);
  return new Uint8Array([...HEADER, ...bytes]);
}

async function instantiate(body: number[], clock: () => number) {
  const { instance } = await WebAssembly.instantiate(meter(moduleOf(body)), { e: { t: clock } });
  const { r, [DEADLINE_EXPORT]: deadline } = instance.exports;
  assert.ok(typeof r === "function" && deadline instanceof WebAssembly.Global);
  return { run: r, deadline };
}

const ENDLESS_LOOP = [0x03, 0x40, 0x0c, 0, 0x0b];
const FILL_A_PAGE = [0x41, 0, 0x41, 0, 0x41, ...[0x80, 0x80, 0x04], 0xfc, 0x0b, 0];

Deno.test("an endless loop traps once the clock passes the deadline", async () => {
  let now = 0;
  const { run, deadline } = await instantiate(ENDLESS_LOOP, () => now++);
  deadline.value = 10;
  assert.throws(() => run(), WebAssembly.RuntimeError);
  assert.equal(now, 12);
});

Deno.test("without a deadline the clock is asked and nothing traps", async () => {
  let asked = 0;
  const { run } = await instantiate(FILL_A_PAGE, () => asked++);
  for (let i = 0; i < 1000; i++) run();
  assert.ok(asked > 0 && asked < 10, `${asked}`);
});

Deno.test("filling memory at once costs by its length", async () => {
  const { run, deadline } = await instantiate(FILL_A_PAGE, () => 1);
  run();
  deadline.value = 0;
  assert.throws(() => {
    for (let i = 0; i < 1000; i++) run();
  }, WebAssembly.RuntimeError);
});

Deno.test("an opcode that the meter does not know and a module without a clock are refused", () => {
  assert.throws(() => meter(moduleOf([0xfd, 0x0c])), WebAssembly.CompileError);
  assert.throws(() => meter(new Uint8Array(HEADER)), /no clock/);
});
