import { Hono } from "hono";
import { cors } from "hono/cors";
import type { Domain } from "@shared/access.ts";
import { ApiError } from "@shared/errors.ts";
import { describeError, log } from "@shared/log.ts";
import { problemResponse, serve, type Variables } from "@shared/serve.ts";
import type { Route } from "@shared/route.ts";

const ANSWER_HEADERS = [
  "etag",
  "idempotent-replayed",
  "location",
  "retry-after",
  "x-request-id",
];

const isRequestId = (id: string | undefined) => id !== undefined && /^[\w.:-]{1,200}$/.test(id);

/**
 * A function of the platform: the same chain for each domain (request id → CORS → log → body limit →
 * caller → route → errors), its routes, `GET /<domain>/health` and `GET /<domain>/openapi.json`.
 *
 * @example
 * ```ts
 * export const app = createApp("audit", "Who did what, when.", [listLogs, getLog]);
 * ```
 */
export function createApp(
  domain: Domain,
  description: string,
  routes: readonly Route[],
): Hono<Variables> {
  const app = new Hono<Variables>().basePath(`/${domain}`);

  app.use(async (context, next) => {
    const started = performance.now();
    const given = context.req.header("x-request-id");
    context.set("requestId", isRequestId(given) && given ? given : crypto.randomUUID());
    await next();
    context.header("x-request-id", context.get("requestId"));
    const caller = context.get("caller");
    log("info", {
      request_id: context.get("requestId"),
      method: context.req.method,
      route: context.get("route") ?? context.req.path,
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

  app.get("/health", (context) => context.json({ status: "ok", domain }));
  app.get("/openapi.json", async (context) => {
    // The documentation's machinery is loaded by those who read it.
    const { describeApi } = await import("@shared/openapi.ts");
    return context.json(describeApi(domain, description, routes));
  });
  for (const route of routes) {
    const { method, path } = route.contract;
    app.on(
      method.toUpperCase(),
      path.replaceAll(/\{(\w+)\}/g, ":$1"),
      (context) => serve(context, domain, route),
    );
  }

  app.notFound((context) => {
    const { method, path } = context.req;
    const allowed = methodsFor(`/${path.split("/").slice(2).join("/")}`, routes);
    const error = allowed.length > 0
      ? new ApiError("method_not_allowed", `${path} answers ${allowed.join(", ")}`, {
        headers: { allow: allowed.join(", ") },
      })
      : new ApiError("not_found", `There is no ${method} ${path}`);
    return problemResponse(error, context.get("requestId"));
  });
  app.onError((error, context) => {
    const requestId = context.get("requestId");
    const known = error instanceof ApiError
      ? error
      : new ApiError("internal_error", "Something went wrong on our side", { cause: error });
    if (known.status >= 500) log("error", { request_id: requestId, error: describeError(known) });
    return problemResponse(known, requestId);
  });
  return app;
}

/** The methods of the routes whose path fits. */
const methodsFor = (path: string, routes: readonly Route[]): string[] => {
  const fits = ({ contract }: Route) =>
    new RegExp(`^${contract.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(path);
  return [...new Set(routes.filter(fits).map(({ contract }) => contract.method.toUpperCase()))];
};
