import type { App } from "@supabase/lite";
import type { Database } from "./database.ts";
import { DEMO_PATH, demoModel } from "./demo_model.ts";
import type { Docs } from "./docs.ts";
import type { Functions } from "./functions.ts";
import { quietly } from "./quiet.ts";
import { storageApi } from "./storage_api.ts";

/** What answers behind the one port. */
export interface Backends {
  readonly app: Pick<App, "fetch">;
  readonly database: Database;
  readonly functions: Functions;
  readonly docs: Docs;
  /** Whether the demo model stands in for a provider. */
  readonly hasDemoModel: boolean;
  /** Show what Lite writes to the console. */
  readonly debug: boolean;
}

type PeerInfo = Deno.ServeHandlerInfo<Deno.NetAddr>;

/** Sends a request to the backend that its path is of. */
export function route(backends: Backends, request: Request, info: PeerInfo): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (/^\/functions\/v1(\/|$)/.test(pathname)) return backends.functions.fetch(request, info);
  if (/^\/(rest|auth|storage)\/v1(\/|$)/.test(pathname)) return api(backends, request, info);
  if (backends.hasDemoModel && pathname.startsWith(`${DEMO_PATH}/`)) return demoModel(request);
  if (pathname === "/docs" || pathname.startsWith("/docs/")) return backends.docs.fetch(request);
  if (pathname === "/") {
    return Promise.resolve(new Response(null, { status: 302, headers: { location: "/docs" } }));
  }
  const message = "no Route matched with those values";
  return Promise.resolve(Response.json({ message }, { status: 404 }));
}

async function api(backends: Backends, request: Request, info: PeerInfo): Promise<Response> {
  if (request.method === "OPTIONS") return preflight(request);
  const { app, database, debug } = backends;
  const context = { peerAddress: info.remoteAddr.hostname };
  const send = (whole: Request) =>
    database.exclusive(() => quietly(!debug, () => app.fetch(whole, context)));
  const whole = await received(request);
  const isStorage = new URL(request.url).pathname.startsWith("/storage/");
  return readable(await (isStorage ? storageApi(whole, send) : send(whole)));
}

/** The body is read before the lock is taken: a slow upload must not hold everyone up. */
async function received(request: Request): Promise<Request> {
  if (request.body === null) return request;
  const body = await request.arrayBuffer();
  const headers = new Headers(request.headers);
  headers.set("content-length", String(body.byteLength));
  return new Request(request.url, { method: request.method, headers, body });
}

function preflight(request: Request): Response {
  const asked = request.headers.get("access-control-request-headers");
  return new Response(null, {
    status: 200,
    headers: {
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT",
      "access-control-allow-headers": asked ?? "authorization, apikey, content-type, x-client-info",
      "access-control-max-age": "3600",
      vary: "Access-Control-Request-Headers",
    },
  });
}

/** Any page may read an answer; what it may do is a matter of its key and token. */
function readable(answer: Response): Response {
  if (answer.headers.has("access-control-allow-origin")) return answer;
  const headers = new Headers(answer.headers);
  headers.set("access-control-allow-origin", "*");
  return new Response(answer.body, { status: answer.status, headers });
}
