import type { Context } from "hono";
import type { Caller, Domain } from "@shared/access.ts";
import { authorize, identify } from "@shared/caller.ts";
import { connect, forwardedHeaders } from "@shared/database.ts";
import { ApiError, problem } from "@shared/errors.ts";
import { once } from "@shared/idempotency.ts";
import { readBody, readParams, readQuery } from "@shared/input.ts";
import { resolveOrganization } from "@shared/organization.ts";
import { Reply, type Route } from "@shared/route.ts";
import { identifyWorker } from "@shared/worker_token.ts";

/** What a request carries along the chain. */
export type Variables = {
  Variables: {
    requestId: string;
    caller?: Caller;
    organizationId?: string;
    route?: string;
    /** How an error of this request is told, where not as a problem. */
    errorFormat?: { respond(error: ApiError): Response };
  };
};

/** An error as `application/problem+json`. */
export function problemResponse(error: ApiError, requestId: string): Response {
  return Response.json(problem(error, requestId), {
    status: error.status,
    headers: { ...error.options.headers, "content-type": "application/problem+json" },
  });
}

/** One request to one route: caller → input → handler → answer. */
export async function serve(
  context: Context<Variables>,
  domain: Domain,
  route: Route,
  pathParams: Record<string, string>,
): Promise<Response> {
  const { contract, handle } = route;
  const request = context.req.raw;
  const requestId = context.get("requestId");
  context.set("route", `/${domain}${contract.path}`);

  const forwarded = Object.fromEntries(forwardedHeaders.flatMap((name) => {
    const value = name === "x-request-id" ? requestId : request.headers.get(name);
    return value ? [[name, value]] : [];
  }));
  const caller = await identifyWorker(contract, request.headers, forwarded) ??
    await identify(request.headers, forwarded);
  context.set("caller", caller);
  authorize(caller, contract);

  const database = connect(caller, forwarded);
  const params = readParams(contract, pathParams);
  const query = readQuery(contract, new URL(request.url).searchParams);
  const { text, value: body } = await readBody(contract, request);

  const answerOnce = (work: () => Promise<Response>): Promise<Response> => {
    const key = request.headers.get("idempotency-key");
    if (!key || caller.kind !== "user") return work();
    // A key works in one organization: it is given no answer that was kept for its user elsewhere.
    const where = caller.organizationId ? ` in ${caller.organizationId}` : "";
    const operation = `${request.method} ${context.req.path}${where}`;
    return once(database, { key, operation, body: text }, work);
  };
  const run = async () =>
    respond(
      domain,
      route,
      await handle({
        params,
        query,
        body,
        caller,
        request,
        requestId,
        forwarded,
        database,
        reconnect: async () => connect(await identify(request.headers, forwarded, 0), forwarded),
        service: () => connect({ kind: "service" }, forwarded),
        once: answerOnce,
        expectedRevision: contract.versioned
          ? readRevision(request.headers.get("if-match"))
          : undefined,
        organizationId: async () => {
          const id = await resolveOrganization(caller, request.headers, database);
          if (!id) {
            throw new ApiError(
              "organization_required",
              "Name an organization in the x-organization-id header",
            );
          }
          context.set("organizationId", id);
          return id;
        },
      }),
    );
  return await (contract.idempotent === true ? answerOnce(run) : run());
}

function respond(domain: Domain, { contract }: Route, result: unknown): Response {
  if (result instanceof Response) return result;
  const reply = result instanceof Reply ? result : new Reply(result);
  const status = reply.options.status ?? Number(Object.keys(contract.answers)[0]);
  const headers = new Headers();
  const { location } = reply.options;
  if (location) headers.set("location", `/functions/v1/${domain}/${location}`);
  if (reply.options.revision !== undefined) headers.set("etag", `"${reply.options.revision}"`);
  if (status === 204) return new Response(null, { status, headers });
  return Response.json(reply.value, { status, headers });
}

function readRevision(ifMatch: string | null): number | undefined {
  if (ifMatch === null || ifMatch.trim() === "*") return undefined;
  const revision = /^(?:W\/)?"(\d{1,9})"$/.exec(ifMatch.trim())?.[1];
  if (!revision) {
    throw new ApiError("precondition_failed", "If-Match is not an ETag that this API gave");
  }
  return Number(revision);
}
