import type { QuickJSWASMModule } from "quickjs-emscripten-core";

/** One WebAssembly instance of QuickJS with its own, bounded memory. */
export type Engine = {
  quickjs: QuickJSWASMModule;
  memory: WebAssembly.Memory;
  /** Where `memory` stops growing: what a run may use and the engine's own 16 MiB. */
  maximumBytes: number;
  /** What a run may use; engines are kept by it. */
  memoryBytes: number;
  /** Set by {@link dropEngine}; such an engine must not be used any more. */
  broken: boolean;
};

const PAGE_BYTES = 65_536;
/** What the module declares as its initial memory; its own data and stack live there. */
const INITIAL_PAGES = 256;

/** What the engine prints when it aborts arrives as an exception, too. */
const SILENT: object = { printErr: () => {} };

const engines = new Map<number, Promise<Engine>>();

async function createEngine(memoryBytes: number): Promise<Engine> {
  const [core, variant] = await Promise.all([
    import("quickjs-emscripten-core"),
    import("@jitl/quickjs-singlefile-mjs-release-sync"),
  ]);
  // QuickJS counts a few bytes an allocation on this platform, whatever its size, so its own memory
  // limit doesn't hold. The limit of the WebAssembly memory does.
  const maximum = INITIAL_PAGES + Math.ceil(memoryBytes / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum });
  const quickjs = await core.newQuickJSWASMModuleFromVariant(
    core.newVariant(variant.default, {
      wasmMemory: memory,
      emscriptenModule: { ...SILENT },
    }),
  );
  return { quickjs, memory, maximumBytes: maximum * PAGE_BYTES, memoryBytes, broken: false };
}

/** The engine of this memory size; the first call loads it (about 80 ms), later ones share it. */
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
 * Forgets an engine whose state is broken: V8's own stack overflowed inside it, or it aborted.
 */
export function dropEngine(engine: Engine): void {
  engine.broken = true;
  engines.delete(engine.memoryBytes);
}
