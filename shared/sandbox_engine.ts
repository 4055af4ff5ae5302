import type { QuickJSWASMModule } from "quickjs-emscripten-core";
import { DEADLINE_EXPORT } from "@shared/sandbox_meter.ts";
import { loadMeteredModule } from "@shared/sandbox_module.ts";

/** One WebAssembly instance of QuickJS with its own, bounded memory. */
export type Engine = {
  quickjs: QuickJSWASMModule;
  memory: WebAssembly.Memory;
  /** Where `memory` stops growing: what a run may use and the engine's own 16 MiB. */
  maximumBytes: number;
  /** What a run may use; engines are kept by it. */
  memoryBytes: number;
  /** When the engine traps, in the time of `Date.now`; never, to begin with. */
  deadline: WebAssembly.Global;
  /** Set by {@link dropEngine}; such an engine must not be used any more. */
  broken: boolean;
};

const PAGE_BYTES = 65_536;
/** What the module declares as its initial memory; its own data and stack live there. */
const INITIAL_PAGES = 256;

/** What the engine prints when it aborts arrives as an exception, too. */
const SILENT: object = { printErr: () => {} };

const engines = new Map<number, Promise<Engine>>();

/** The memories of dropped engines. Left to the garbage collector, a dozen would pile up. */
const spares = new Map<number, WebAssembly.Memory>();

function takeSpare(memoryBytes: number): WebAssembly.Memory | undefined {
  const memory = spares.get(memoryBytes);
  spares.delete(memoryBytes);
  if (memory !== undefined) new Uint8Array(memory.buffer).fill(0);
  return memory;
}

async function createEngine(memoryBytes: number): Promise<Engine> {
  const [core, variant, module] = await Promise.all([
    import("quickjs-emscripten-core"),
    import("@jitl/quickjs-singlefile-mjs-release-sync"),
    loadMeteredModule(),
  ]);
  // QuickJS counts a few bytes an allocation on this platform, whatever its size, so its own memory
  // limit doesn't hold. The limit of the WebAssembly memory does.
  const maximum = INITIAL_PAGES + Math.ceil(memoryBytes / PAGE_BYTES);
  const memory = takeSpare(memoryBytes) ??
    new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum });
  let deadline: WebAssembly.ExportValue | undefined;
  const instantiateWasm = async (
    imports: WebAssembly.Imports,
    onSuccess: (instance: WebAssembly.Instance) => void,
  ) => {
    const instance = await WebAssembly.instantiate(module, imports);
    deadline = instance.exports[DEADLINE_EXPORT];
    onSuccess(instance);
    return instance.exports;
  };
  const quickjs = await core.newQuickJSWASMModuleFromVariant(
    core.newVariant(variant.default, {
      wasmMemory: memory,
      emscriptenModule: { ...SILENT, instantiateWasm },
    }),
  );
  if (!(deadline instanceof WebAssembly.Global)) throw new TypeError("the engine has no deadline");
  const maximumBytes = maximum * PAGE_BYTES;
  return { quickjs, memory, maximumBytes, memoryBytes, deadline, broken: false };
}

/** The engine of this memory size; the first call creates it, later ones share it. */
export function takeEngine(memoryBytes: number): Promise<Engine> {
  let engine = engines.get(memoryBytes);
  if (engine === undefined) {
    engine = createEngine(memoryBytes);
    engines.set(memoryBytes, engine);
    // A failed load must not be remembered.
    engine.catch(() => engines.delete(memoryBytes));
  }
  return engine;
}

/**
 * Forgets an engine whose state is broken: V8's own stack overflowed inside it, it aborted, or it
 * trapped at its deadline.
 */
export function dropEngine(engine: Engine): void {
  if (engine.broken) return;
  engine.broken = true;
  engines.delete(engine.memoryBytes);
  spares.set(engine.memoryBytes, engine.memory);
}
