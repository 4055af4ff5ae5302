import { meter } from "@shared/sandbox_meter.ts";

let metered: Promise<WebAssembly.Module> | undefined;

/** QuickJS as a metered module; the first call makes it (about 100 ms), later ones share it. */
export function loadMeteredModule(): Promise<WebAssembly.Module> {
  if (metered === undefined) {
    metered = readEmbedded().then((bytes) => WebAssembly.compile(meter(bytes)));
    // A failed load must not be remembered.
    metered.catch(() => metered = undefined);
  }
  return metered;
}

/**
 * The bytes that a singlefile variant carries. It hands them to no one but
 * `WebAssembly.instantiate`, so they are read there: from the one call that brings the memory made
 * for it here. That call gets no answer, for its unmetered instance is of no use.
 */
async function readEmbedded(): Promise<Uint8Array> {
  const [core, variant] = await Promise.all([
    import("quickjs-emscripten-core"),
    import("@jitl/quickjs-singlefile-mjs-release-sync"),
  ]);
  const wasmMemory = new WebAssembly.Memory({ initial: 256, maximum: 256 });
  const { instantiate } = WebAssembly;
  try {
    return await new Promise<Uint8Array>((resolve, reject) => {
      const intercept = (source: unknown, imports: WebAssembly.Imports = {}) => {
        const isOurs = Object.values(imports).some((its) =>
          Object.values(its).includes(wasmMemory)
        );
        if (!isOurs || !(source instanceof Uint8Array)) {
          return Reflect.apply(instantiate, WebAssembly, [source, imports]);
        }
        resolve(source);
        return new Promise(() => {});
      };
      Reflect.set(WebAssembly, "instantiate", intercept);
      core.newQuickJSWASMModuleFromVariant(core.newVariant(variant.default, { wasmMemory }))
        .then(() => reject(new Error("the engine's bytes passed by unseen")), reject);
    });
  } finally {
    Reflect.set(WebAssembly, "instantiate", instantiate);
  }
}
