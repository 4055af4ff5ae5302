import { type Context, Hono } from "hono";
import { cors } from "hono/cors";
import type { Domain } from "@shared/access.ts";
import { errorFormatAt, type ErrorFormats } from "@shared/error_format.ts";
import { ApiError } from "@shared/errors.ts";
import { rateLimitHeaders } from "@shared/issued_key.ts";
import { describeError, log } from "@shared/log.ts";
import { problemResponse, serve, type Variables } from "@shared/serve.ts";
import type { Route } from "@shared/route.ts";

const ANSWER_HEADERS = [
  "content-disposition",
  "etag",
  "idempotent-replayed",
  "location",
  "ratelimit-limit",
  "ratelimit-remaining",
  "ratelimit-reset",
  "retry-after",
  "x-ratelimit-limit-requests",
  "x-ratelimit-limit-tokens",
  "x-ratelimit-remaining-requests",
  "x-ratelimit-remaining-tokens",
  "x-ratelimit-reset-requests",
  "x-ratelimit-reset-tokens",
  "x-request-id",
];

const isRequestId = (id: string | undefined) => id !== undefined && /^[\w.:-]{1,200}$/.test(id);

/** What a domain answers. */
export type Api = {
  description: string;
  routes: readonly Route[];
  /** By the beginning of a path, as in `/v1`; elsewhere errors are problems. */
  errorFormats?: ErrorFormats;
};

/**
 * A function of the platform: the same chain for each domain (request id → CORS → log → body limit →
 * caller → route → errors), its routes, `GET /<domain>/health` and `GET /<domain>/openapi.json`.
 *
 * The routes come with the first request that needs them: their contracts are most of what a
 * function loads, and the platform starts functions often, for a health check or a preflight too.
 *
 * @example
 * ```ts
 * Deno.serve(createApp("audit", loadTheRoutes).fetch);
 * ```
 */
export function createApp(domain: Domain, load: () => Promise<{ api: Api }>): Hono<Variables> {
  const app = new Hono<Variables>().basePath(`/${domain}`);

  app.use(async (context, next) => {
    const started = performance.now();
    const given = context.req.header("x-request-id");
    context.set("requestId", isRequestId(given) && given ? given : crypto.randomUUID());
    await next();
    context.header("x-request-id", context.get("requestId"));
    const caller = context.get("caller");
    if (caller?.kind === "user" && caller.rateLimit) {
      for (const [name, value] of Object.entries(rateLimitHeaders(caller.rateLimit))) {
        context.header(name, value);
      }
    }
    log("info", {
      request_id: context.get("requestId"),
      method: context.req.method,
      // A path that is no route may hold anything, also a key.
      route: context.get("route") ?? `/${domain}/?`,
      status: context.res.status,
      ms: Math.round((performance.now() - started) * 10) / 10,
      user: caller?.kind === "user" ? caller.userId : caller?.kind,
      organization: context.get("organizationId"),
    });
  });
  app.use(cors({
    origin: "*",
    allowMethods: ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
    exposeHeaders: ANSWER_HEADERS,
    maxAge: 86_400,
  }));

  app.get("/health", (context) => {
    context.set("route", `/${domain}/health`);
    return context.json({ status: "ok", domain });
  });
  app.get("/openapi.json", async (context) => {
    context.set("route", `/${domain}/openapi.json`);
    const [{ describeApi }, { api }] = await Promise.all([import("@shared/openapi.ts"), load()]);
    return context.json(describeApi(domain, api));
  });
  let loaded: Promise<{ api: Api; router: Router }> | undefined;
  app.all("*", async (context) => {
    loaded ??= load().then(({ api }) => ({ api, router: createRouter(domain, api.routes) }));
    const { api, router } = await loaded;
    context.set("errorFormat", errorFormatAt(api.errorFormats, pathWithin(context.req.path)));
    return await router.fetch(context.req.raw, { context });
  });

  app.onError((error, context) => {
    const requestId = context.get("requestId");
    const known = error instanceof ApiError
      ? error
      : new ApiError("internal_error", "Something went wrong on our side", { cause: error });
    if (known.status >= 500) log("error", { request_id: requestId, error: describeError(known) });
    return context.get("errorFormat")?.respond(known) ?? problemResponse(known, requestId);
  });
  return app;
}

/** The routes by themselves, called with the context of the chain around them. */
type Router = Hono<{ Bindings: { context: Context<Variables> } }>;

function createRouter(domain: Domain, routes: readonly Route[]): Router {
  const router: Router = new Hono<{ Bindings: { context: Context<Variables> } }>();
  const mount = router.basePath(`/${domain}`);
  for (const route of routes) {
    const { method, path } = route.contract;
    mount.on(
      method.toUpperCase(),
      path.replaceAll(/\{(\w+)\}/g, ":$1"),
      ({ env, req }) => serve(env.context, domain, route, req.param()),
    );
  }
  router.notFound(({ req: { method, path } }) => {
    const allowed = methodsFor(pathWithin(path), routes);
    if (allowed === "") throw new ApiError("not_found", `There is no ${method} ${path}`);
    throw new ApiError("method_not_allowed", `${path} answers ${allowed}`, {
      headers: { allow: allowed },
    });
  });
  // The chain around them answers errors.
  router.onError((error) => {
    throw error;
  });
  return router;
}

/** A path without the function's name. */
const pathWithin = (path: string) => `/${path.split("/").slice(2).join("/")}`;

/** The methods of the routes whose path fits. */
const methodsFor = (path: string, routes: readonly Route[]): string => {
  const fits = ({ contract }: Route) =>
    new RegExp(`^${contract.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(path);
  const methods = routes.filter(fits).map(({ contract }) => contract.method.toUpperCase());
  return [...new Set(methods)].join(", ");
};
