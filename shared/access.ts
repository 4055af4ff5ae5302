/** The functions of the platform, which are also the first half of a scope. */
export type Domain =
  | "pipelines"
  | "llm-assistant"
  | "keys"
  | "audit"
  | "documents"
  | "projects"
  | "organizations"
  | "analytics";

export type Verb = "read" | "write" | "run" | "admin";

/** What a key may be limited to: `pipelines:run`, or everything of a domain. */
export type Scope = `${Domain}:${Verb}`;

/**
 * What a route asks of its caller. Without it a route does not compile.
 *
 * - `user`: a signed-in user or one of their keys; a key needs the scope.
 * - `service`: the project's own secret key; or, where a scope is named, a key that holds it.
 * - `public`: everyone, also without a credential.
 */
export type Access =
  | { auth: "user"; scope: Scope }
  | { auth: "service"; scope?: Scope }
  | { auth: "public"; scope?: never };
