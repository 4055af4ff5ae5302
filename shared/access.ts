/** The functions of the platform, which are also the first half of a scope. */
export const DOMAINS = [
  "pipelines",
  "llm-assistant",
  "keys",
  "audit",
  "documents",
  "projects",
  "organizations",
  "analytics",
] as const;

export type Domain = typeof DOMAINS[number];

/** The second half of a scope; `admin` is for administrators to give. */
export const VERBS = ["read", "write", "run", "admin"] as const;

export type Verb = typeof VERBS[number];

/** What a key may be limited to: `pipelines:run`, or everything of a domain. */
export type Scope = `${Domain}:${Verb}`;

/**
 * What a route asks of its caller. Without it a route does not compile.
 *
 * - `user`: a signed-in user or one of their keys; a key needs the scope.
 * - `service`: the project's own secret key; or, where a scope is named, a key that holds it.
 * - `worker`: the project's own secret key, or the token that the database calls the worker with.
 * - `public`: everyone, also without a credential.
 */
export type Access =
  | { auth: "user"; scope: Scope }
  | { auth: "service"; scope?: Scope }
  | { auth: "worker"; scope?: never }
  | { auth: "public"; scope?: never };

/** How much of its limit a key has used. */
export type RateLimit = {
  limit: number;
  remaining: number;
  /** When the window ends; after a refusal, when to try again. ISO 8601. */
  reset_at: string;
};

/** Who sends a request, after every credential has been checked. */
export type Caller =
  | { kind: "anonymous" }
  | { kind: "service" }
  | {
    kind: "user";
    userId: string;
    /** What PostgREST and Storage are called with, so that RLS applies. */
    token: string;
    /** Set when a key narrows the caller to one organization. */
    organizationId?: string;
    /** Set for a key. */
    apiKeyId?: string;
    /** Set for a key: what it may do. A signed-in user is limited by RLS alone. */
    scopes?: readonly string[];
    /** Set for a key that has a limit. */
    rateLimit?: RateLimit;
  };
