import { join, u32, WasmReader } from "@shared/sandbox_wasm.ts";

/** The name under which a metered module exports its deadline, an f64 in the time of `Date.now`. */
export const DEADLINE_EXPORT = "deadline";

/** Loop passes between two looks at the clock: a few milliseconds at most. */
const FUEL = 100_000;
/** Bytes that are filled or copied at once for the price of one loop pass, as a shift. */
const BULK_SHIFT = 8;

const SECTION = { types: 1, imports: 2, functions: 3, globals: 6, exports: 7, code: 10 };
const [CALL, LOOP, BULK, COPY, FILL] = [0x10, 0x03, 0xfc, 0x0a, 0x0b];

/** Indices of what the meter adds, each after the last of its kind so that no index moves. */
type Added = { fuel: number; deadline: number; check: number; fill: number; copy: number };

/**
 * Rewrites a WebAssembly module so that it can't outlive its deadline: every pass of a loop and
 * every bulk copy takes from a counter, and when that is used up the module compares the clock with
 * its exported deadline, past which it traps. No loop in C is left out, so nothing that a script
 * makes the engine do needs a limit of its own.
 *
 * The module must import a function without parameters that returns the time as an f64.
 *
 * @throws {WebAssembly.CompileError} when the module uses what the reader doesn't know
 */
export function meter(module: Uint8Array): Uint8Array<ArrayBuffer> {
  const reader = new WasmReader(module);
  const pieces: ArrayLike<number>[] = [reader.take(8)];
  const sections: [id: number, content: Uint8Array][] = [];
  while (!reader.atEnd) sections.push([reader.byte(), reader.take(reader.u32())]);
  const section = (id: number) =>
    new WasmReader(sections.find(([its]) => its === id)?.[1] ?? EMPTY);

  const types = section(SECTION.types).u32();
  const clock = findClock(section(SECTION.types), section(SECTION.imports));
  const functions = clock.imported + section(SECTION.functions).u32();
  const globals = section(SECTION.globals).u32();
  const added: Added = {
    fuel: globals,
    deadline: globals + 1,
    check: functions,
    fill: functions + 1,
    copy: functions + 2,
  };
  const additions = new Map<number, number[][]>([
    [SECTION.types, [[0x60, 0, 0], [0x60, 3, 0x7f, 0x7f, 0x7f, 0]]],
    [SECTION.functions, [u32(types), u32(types + 1), u32(types + 1)]],
    [SECTION.globals, [[0x7f, 1, 0x41, 0, 0x0b], [0x7c, 1, 0x44, ...INFINITY, 0x0b]]],
    [SECTION.exports, [[...name(DEADLINE_EXPORT), 3, ...u32(added.deadline)]]],
    [SECTION.code, [checkBody(added, clock.index), bulkBody(added, FILL), bulkBody(added, COPY)]],
  ]);

  for (const [id, content] of sections) {
    const more = additions.get(id);
    if (more === undefined) {
      pieces.push([id, ...u32(content.length)], content);
      continue;
    }
    const entries = new WasmReader(content);
    const count = entries.u32() + more.length;
    const old = id === SECTION.code ? meterBodies(entries, added) : entries.rest();
    const grown = join([u32(count), old, ...more]);
    pieces.push([id, ...u32(grown.length)], grown);
  }
  return join(pieces);
}

const EMPTY = new Uint8Array([0]);
const INFINITY = new Uint8Array(new Float64Array([Infinity]).buffer);

function name(text: string): number[] {
  return [...u32(text.length), ...new TextEncoder().encode(text)];
}

/** The imported function of type `() => f64`, and how many functions are imported. */
function findClock(types: WasmReader, imports: WasmReader): { index: number; imported: number } {
  const clockTypes = new Set<number>();
  for (let type = 0, count = types.u32(); type < count; type++) {
    types.byte();
    const parameters = types.take(types.u32());
    const results = types.take(types.u32());
    if (parameters.length === 0 && results.length === 1 && results[0] === 0x7c) {
      clockTypes.add(type);
    }
  }
  let index = -1, imported = 0;
  for (let count = imports.u32(); count > 0; count--) {
    imports.take(imports.u32());
    imports.take(imports.u32());
    const kind = imports.byte();
    if (kind === 0) {
      if (clockTypes.has(imports.u32())) index = imported;
      imported++;
    } else if (kind === 2) { // a memory: flags, minimum, maximum
      if ((imports.u32() & 1) === 1) imports.u32();
      imports.u32();
    } else throw new WebAssembly.CompileError("the module imports a table or a global");
  }
  if (index < 0) throw new WebAssembly.CompileError("the module imports no clock");
  return { index, imported };
}

function meterBodies(entries: WasmReader, added: Added): Uint8Array {
  const bodies: ArrayLike<number>[] = [];
  while (!entries.atEnd) {
    const body = meterBody(entries.take(entries.u32()), added);
    bodies.push(u32(body.length), body);
  }
  return join(bodies);
}

function meterBody(body: Uint8Array, added: Added): Uint8Array {
  const reader = new WasmReader(body);
  const pass = [...take(added, [0x41, 1]), ...look(added)];
  const pieces: ArrayLike<number>[] = [];
  let copied = 0;
  for (let locals = reader.u32(); locals > 0; locals--) {
    reader.u32();
    reader.byte();
  }
  while (!reader.atEnd) {
    const start = reader.position;
    const opcode = reader.byte();
    const bulk = opcode === BULK ? body[reader.position] : undefined;
    reader.skipImmediates(opcode);
    if (opcode === LOOP) {
      pieces.push(body.subarray(copied, reader.position), pass);
      copied = reader.position;
    } else if (bulk === FILL || bulk === COPY) {
      const replacement = [CALL, ...u32(bulk === FILL ? added.fill : added.copy)];
      pieces.push(body.subarray(copied, start), replacement);
      copied = reader.position;
    }
  }
  return join([...pieces, body.subarray(copied)]);
}

/** `fuel = fuel - amount` */
function take({ fuel }: Added, amount: number[]): number[] {
  return [0x23, ...u32(fuel), ...amount, 0x6b, 0x24, ...u32(fuel)];
}

/** `if (fuel < 0) check()` */
function look({ fuel, check }: Added): number[] {
  return [0x23, ...u32(fuel), 0x41, 0, 0x48, 0x04, 0x40, CALL, ...u32(check), 0x0b];
}

/** `fuel = FUEL; if (clock() > deadline) trap` */
function checkBody({ fuel, deadline }: Added, clock: number): number[] {
  const refill = [0x41, ...s32(FUEL), 0x24, ...u32(fuel)];
  const late = [CALL, ...u32(clock), 0x23, ...u32(deadline), 0x64];
  return sized([0, ...refill, ...late, 0x04, 0x40, 0x00, 0x0b, 0x0b]);
}

/** `fuel = fuel - (length >>> BULK_SHIFT); look; fill or copy` */
function bulkBody(added: Added, operation: number): number[] {
  const charge = take(added, [0x20, 2, 0x41, BULK_SHIFT, 0x76]);
  const memories = operation === COPY ? [0, 0] : [0];
  const run = [0x20, 0, 0x20, 1, 0x20, 2, BULK, operation, ...memories];
  return sized([0, ...charge, ...look(added), ...run, 0x0b]);
}

/** A positive number in signed LEB128: its last byte must not look negative. */
function s32(value: number): number[] {
  return value < 0x40 ? [value] : [value & 0x7f | 0x80, ...s32(value >>> 7)];
}

function sized(body: number[]): number[] {
  return [...u32(body.length), ...body];
}
