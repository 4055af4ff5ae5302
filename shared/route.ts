import type { Access, Caller } from "@shared/access.ts";
import type { DatabaseClient } from "@shared/database.ts";
import type { ErrorCode } from "@shared/errors.ts";
import type { z } from "zod";

type Shape = z.ZodObject | undefined;
type Output<S> = S extends z.ZodType ? z.output<S> : undefined;

/** One way in which a route answers. */
export type Answer = {
  description: string;
  /** The JSON body; left out where there is none. */
  schema?: z.ZodType;
  /** Further media types that the route can answer with, by example. */
  content?: Record<string, { example: string }>;
};

/**
 * What a route promises: the source of its checks, of its OpenAPI text, and of its handler's types.
 * `path` is relative to the function, as in `/blocks/{id}`.
 */
export type Contract<
  Params extends Shape = Shape,
  Query extends Shape = Shape,
  Body extends z.ZodType | undefined = z.ZodType | undefined,
> = Access & {
  method: "get" | "post" | "put" | "patch" | "delete";
  path: string;
  operationId: string;
  summary: string;
  description: string;
  params?: Params;
  query?: Query;
  /** The JSON body. */
  body?: Body;
  /** In place of `body`: what a route reads from the request itself, byte for byte. */
  rawBody?: { description: string; example: unknown };
  /** An example of the body, shown in the documentation and sent by a test. */
  example?: unknown;
  /** Answers by status; the first one is what a handler's plain value is sent with. */
  answers: Readonly<Record<number, Answer>>;
  /** What can go wrong beyond what the declaration itself implies (401, 403, 422 …). */
  errors?: readonly ErrorCode[];
  /**
   * Honour an Idempotency-Key: for a POST that starts work. `own`: the handler does it, by its `once` or
   * in a way of its own.
   */
  idempotent?: boolean | "own";
  /** Answers carry an ETag; If-Match is honoured on writes. */
  versioned?: boolean;
  /** Bytes of body taken at most; 1 MiB unless told. */
  maxBytes?: number;
};

/** What a handler works with: the input, checked, and the caller's own way to the database. */
export type RouteContext<Params, Query, Body> = {
  params: Params;
  query: Query;
  body: Body;
  caller: Caller;
  request: Request;
  requestId: string;
  /** Headers of the request that the database is told, for the log. */
  forwarded: Record<string, string>;
  /** The Data API as the caller, under RLS. */
  database: DatabaseClient;
  /**
   * The same for the next part of a long answer: the credential is checked again, so that a key that
   * was revoked meanwhile gets no more. @throws {ApiError} as when the request began
   */
  reconnect(): Promise<DatabaseClient>;
  /** The Data API past RLS, for what no caller may do; the audit log still knows the request. */
  service(): DatabaseClient;
  /** The organization that the request works in. @throws {ApiError} `organization_required` … */
  organizationId(): Promise<string>;
  /** Runs work once for the request's Idempotency-Key, if it has one: see shared/idempotency.ts. */
  once(work: () => Promise<Response>): Promise<Response>;
  /** The revision that If-Match names, if the request has one. */
  expectedRevision?: number;
};

/** A value for the declared answer, or a Response of the handler's own making. */
export type Handler<Params, Query, Body> = (
  context: RouteContext<Params, Query, Body>,
) => Promise<unknown>;

/** A contract with its handler, ready to be mounted. */
export type Route = {
  contract: Contract;
  handle: Handler<unknown, unknown, unknown>;
};

/** Declares a route: the handler's input is typed by the contract. */
export function createRoute<
  Params extends Shape = undefined,
  Query extends Shape = undefined,
  Body extends z.ZodType | undefined = undefined,
>(
  contract: Contract<Params, Query, Body>,
  handler: Handler<Output<Params>, Output<Query>, Output<Body>>,
): Route {
  return {
    contract,
    // The mount parses params, query and body with this very contract before it calls.
    handle: (context) => handler(typed<Params, Query, Body>(context)),
  };
}

// A bridge of types alone: what the mount parsed is what the contract's schemas put out.
function typed<Params, Query, Body>(
  context: RouteContext<unknown, unknown, unknown>,
): RouteContext<Output<Params>, Output<Query>, Output<Body>>;
function typed(context: RouteContext<unknown, unknown, unknown>) {
  return context;
}

/**
 * The declared answer with headers: `etag` from a revision, `location` from a path within the function
 * (`runs/<id>`), or another status.
 */
export class Reply {
  constructor(
    readonly value: unknown,
    readonly options: { status?: number; revision?: number; location?: string } = {},
  ) {}
}
