import { jwtVerify } from "jose";
import { runIn, type Runtime, streamIn, track } from "./edge_runtime.ts";
import { type Handler, loadFunction } from "./function_loader.ts";

/** The longest that a request may take until it is answered, as hosted. */
const WALL_CLOCK_MS = 150_000;

/** What the host of the functions needs to know. */
export interface FunctionsOptions {
  /** The folder that holds a folder with an `index.ts` for each function. */
  readonly folder: string;
  readonly jwtSecret: string;
  readonly runtime: Runtime;
  readonly verifyJwt: (name: string) => boolean;
}

/** Answers `/functions/v1/<name>/…` as the hosted platform does. */
export class Functions {
  readonly #options: FunctionsOptions;
  readonly #jwtKey: Uint8Array;
  /** Functions that were seen; a folder is looked at until its function is there. */
  readonly #seen = new Set<string>();
  #closed = false;

  constructor(options: FunctionsOptions) {
    this.#options = options;
    this.#jwtKey = new TextEncoder().encode(options.jwtSecret);
  }

  /** Takes no more calls: the stack is stopping, and what is in progress still needs the rest. */
  close(): void {
    this.#closed = true;
  }

  /** The functions there are. */
  async names(): Promise<string[]> {
    const names: string[] = [];
    for await (const { name, isDirectory } of Deno.readDir(this.#options.folder)) {
      if (isDirectory && await this.#exists(name)) names.push(name);
    }
    return names.sort();
  }

  /** Calls the function that the path names, with the path that it has on the platform. */
  async fetch(request: Request, info: Deno.ServeHandlerInfo<Deno.NetAddr>): Promise<Response> {
    const url = new URL(request.url);
    const path = url.pathname.slice("/functions/v1".length);
    const name = path.split("/")[1] ?? "";
    // What the platform's gateway refuses, and a Request can't be made of.
    if (request.method === "TRACE") return failure(405, "METHOD_NOT_ALLOWED", "Not allowed");
    if (this.#closed) return failure(503, "STOPPING", "The stack is stopping");
    if (!await this.#exists(name)) {
      return failure(404, "NOT_FOUND", "Requested function was not found");
    }
    if (this.#options.verifyJwt(name) && request.method !== "OPTIONS") {
      const refused = await this.#checkJwt(request.headers.get("authorization"));
      if (refused) return refused;
    }
    const handler = await this.#load(name);
    if (!handler) {
      return failure(503, "BOOT_ERROR", "Function failed to start (please check logs)");
    }
    url.pathname = path;
    const headers = new Headers(request.headers);
    headers.set("x-forwarded-for", info.remoteAddr.hostname);
    // Without the caller's signal: on the platform it does not tell of a disconnect reliably.
    const { method, body } = request;
    const forwarded = new Request(url, { method, headers, body });
    return this.#call(name, () => handler(forwarded, info));
  }

  async #exists(name: string): Promise<boolean> {
    if (this.#seen.has(name)) return true;
    if (!/^[A-Za-z][\w-]*$/.test(name)) return false;
    const found = await Deno.stat(this.#file(name)).catch(() => null);
    if (found?.isFile) this.#seen.add(name);
    return found?.isFile ?? false;
  }

  async #checkJwt(authorization: string | null): Promise<Response | null> {
    if (!authorization) return failure(401, 401, "Missing authorization header");
    const token = /^Bearer (.+)$/i.exec(authorization)?.[1] ?? "";
    const valid = await jwtVerify(token, this.#jwtKey, { algorithms: ["HS256"] }).catch(() => null);
    return valid ? null : failure(401, 401, "Invalid JWT");
  }

  async #load(name: string): Promise<Handler | null> {
    try {
      return await runIn(this.#options.runtime, () => loadFunction(this.#file(name)));
    } catch (error) {
      console.error(`Function "${name}" failed to start:`, error);
      return null;
    }
  }

  async #call(name: string, work: () => Response | Promise<Response>): Promise<Response> {
    const { runtime } = this.#options;
    const { promise: timeUp, resolve } = Promise.withResolvers<Response>();
    const timer = setTimeout(() => {
      resolve(failure(504, "IDLE_TIMEOUT", "The request timed out after 150 s"));
    }, WALL_CLOCK_MS);
    const answer = runIn(runtime, async () => streamIn(runtime, await work())).catch((error) => {
      console.error(`Function "${name}" failed:`, error);
      return failure(500, "WORKER_ERROR", "Function exited due to an error (please check logs)");
    });
    track(runtime.tasks, answer);
    return await Promise.race([answer, timeUp]).finally(() => clearTimeout(timer));
  }

  #file(name: string): string {
    return `${this.#options.folder}/${name}/index.ts`;
  }
}

function failure(status: number, code: string | number, message: string): Response {
  return Response.json({ code, message }, {
    status,
    headers: { "access-control-allow-origin": "*", "sb-error-code": String(code) },
  });
}
