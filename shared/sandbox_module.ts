import type { EmscriptenModuleLoader } from "quickjs-emscripten-core";
import { meter } from "@shared/sandbox_meter.ts";

let metered: Promise<WebAssembly.Module> | undefined;

/** QuickJS as a metered module; the first call makes it (about 80 ms), later ones share it. */
export function loadMeteredModule(): Promise<WebAssembly.Module> {
  metered ??= compile();
  // A failed load must not be remembered.
  metered.catch(() => metered = undefined);
  return metered;
}

async function compile(): Promise<WebAssembly.Module> {
  const { default: variant } = await import("@jitl/quickjs-singlefile-mjs-release-sync");
  const loader = await variant.importModuleLoader();
  return WebAssembly.compile(meter(await readEmbedded("default" in loader ? loader.default : loader)));
}

/**
 * The module that a singlefile variant carries. It hands its bytes to no one but
 * `WebAssembly.instantiate`, so that is where they are read: from the one call that brings the
 * memory made for it here, which is never answered.
 */
function readEmbedded(load: EmscriptenModuleLoader<object>): Promise<Uint8Array> {
  const memory = new WebAssembly.Memory({ initial: 256, maximum: 256 });
  const { instantiate } = WebAssembly;
}
