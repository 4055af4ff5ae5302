/** Reads the binary format of WebAssembly 2.0, as far as the sandbox's engine uses it. */
export class WasmReader {
  position = 0;

  constructor(readonly bytes: Uint8Array) {}

  get atEnd(): boolean {
    return this.position >= this.bytes.length;
  }

  byte(): number {
    const value = this.bytes[this.position++];
    if (value === undefined) throw new WebAssembly.CompileError("the module ends too early");
    return value;
  }

  /** An unsigned number in LEB128. */
  u32(): number {
    let value = 0;
    for (let shift = 0;; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  take(length: number): Uint8Array {
    this.position += length;
    return this.bytes.subarray(this.position - length, this.position);
  }

  /** What is left from here on. */
  rest(): Uint8Array {
    return this.take(this.bytes.length - this.position);
  }

  /** Passes what follows an opcode, and refuses an opcode whose length it doesn't know. */
  skipImmediates(opcode: number): void {
    if (opcode === 0xfc) return this.#numbers(BULK_IMMEDIATES[this.u32()]);
    if (opcode === 0x0e || opcode === 0x1c) { // br_table, typed select
      return this.#numbers(this.u32() + (opcode === 0x0e ? 1 : 0));
    }
    if (opcode === 0x43 || opcode === 0x44) { // f32.const, f64.const
      this.position += opcode === 0x43 ? 4 : 8;
      return;
    }
    this.#numbers(IMMEDIATES.find(([from, to]) => from <= opcode && opcode <= to)?.[2]);
  }

  #numbers(count: number | undefined): void {
    if (count === undefined) throw new WebAssembly.CompileError("the opcode is not known");
    for (let i = 0; i < count; i++) while (this.byte() >= 0x80);
  }
}

/** How many LEB128 numbers follow the opcodes of a range. */
const IMMEDIATES: [from: number, to: number, count: number][] = [
  [0x45, 0xc4, 0], // arithmetic
  [0x20, 0x26, 1], // locals, globals, tables
  [0x28, 0x3e, 2], // loads and stores
  [0x41, 0x42, 1], // i32.const, i64.const
  [0x02, 0x04, 1], // block, loop, if
  [0x0b, 0x0b, 0], // end
  [0x0c, 0x0d, 1], // br, br_if
  [0x10, 0x10, 1], // call
  [0x11, 0x11, 2], // call_indirect
  [0x00, 0x01, 0], // unreachable, nop
  [0x05, 0x05, 0], // else
  [0x0f, 0x0f, 0], // return
  [0x1a, 0x1b, 0], // drop, select
  [0x3f, 0x40, 1], // memory.size, memory.grow
  [0xd0, 0xd0, 1], // ref.null
  [0xd1, 0xd1, 0], // ref.is_null
  [0xd2, 0xd2, 1], // ref.func
];

/** The same for the opcodes after 0xfc: saturating truncations, bulk memory, tables. */
const BULK_IMMEDIATES = [0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 1, 2, 1, 2, 1, 1, 1];

/** A number in unsigned LEB128. */
export function u32(value: number): number[] {
  return value < 0x80 ? [value] : [value & 0x7f | 0x80, ...u32(value >>> 7)];
}

/** One piece of bytes out of many. */
export function join(pieces: ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let position = 0;
  for (const piece of pieces) {
    joined.set(piece, position);
    position += piece.length;
  }
  return joined;
}
