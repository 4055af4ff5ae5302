import { pathToFileURL } from "node:url";
import { Lock } from "./lock.ts";

/** What a function gave to `Deno.serve`. */
export type Handler = (
  request: Request,
  info: Deno.ServeHandlerInfo,
) => Response | Promise<Response>;

/** A module is run once in a process, so what it served is kept as long. */
const loaded = new Map<string, Promise<Handler>>();
const importing = new Lock();

/**
 * Imports a function's `index.ts` and returns its handler.
 * @throws what the module throws, or an error when it serves nothing; every time again
 */
export function loadFunction(file: string): Promise<Handler> {
  const url = pathToFileURL(file).href;
  let handler = loaded.get(url);
  if (!handler) {
    // One import at a time: what is served meanwhile must be of this function.
    handler = importing.run(() => importHandler(url));
    loaded.set(url, handler);
  }
  return handler;
}

async function importHandler(url: string): Promise<Handler> {
  const serve = Deno.serve;
  let handler: Handler | undefined;
  const capture = (...given: unknown[]) => {
    handler = given.flatMap(handlerIn).at(-1) ?? handler;
    return { finished: Promise.resolve(), shutdown: () => Promise.resolve(), unref() {}, ref() {} };
  };
  Object.assign(Deno, { serve: capture });
  try {
    const module: unknown = await import(url);
    handler ??= handlerIn(Reflect.get(Object(module), "default")).at(0);
    if (!handler) throw new Error(`${url} does not call Deno.serve.`);
    return handler;
  } finally {
    Object.assign(Deno, { serve });
  }
}

/** The handler in an argument of `Deno.serve`: itself, or options or an app that hold one. */
function handlerIn(given: unknown): Handler[] {
  const isHandler = (value: unknown): value is Handler => typeof value === "function";
  const held = Object(given);
  const found = [given, Reflect.get(held, "handler"), Reflect.get(held, "fetch")].find(isHandler);
  return found ? [found] : [];
}
