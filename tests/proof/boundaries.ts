/** Moments in a worker's life between which everything happens; in the order in which they come. */
export const BOUNDARIES = [
  "before claim",
  "after claim",
  "before effect",
  "after effect",
  "before commit",
  "after commit",
  "before reply",
] as const;

export type Boundary = typeof BOUNDARIES[number];

/** What befalls a worker, or its database, at a boundary. */
export type Act =
  /** SIGKILL, of the worker's own process. */
  | "kill"
  /** SIGKILL; its last request is delivered when another worker has the step. */
  | "kill, request late"
  /** SIGSTOP until another worker has the step, then SIGCONT. */
  | "zombie"
  /** The request reaches the database twice at once. */
  | "request twice"
  /** The worker lives, but never hears the answer. */
  | "reply lost"
  | "cancel run"
  | "terminate backends"
  | "restart server";

/** What the proxy does with the request, or with the reply, at whose arrival a boundary is. */
export type Verdict = "proceed" | "drop" | "twice" | "late";

/** What shall befall a worker, at the first boundary of its name after `skip` others. */
export type Fate = { boundary: Boundary; act: Act; skip: number };
