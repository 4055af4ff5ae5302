import { parseSecret, providerTimeouts } from "@shared/env.ts";
import { z } from "zod";

const seconds = z.number().positive().max(400);

const timeoutsSchema = z.object({
  /** Until there is a connection. */
  connect: seconds.default(5),
  /** Until the answer begins; models that reason take long to. */
  first_byte: seconds.default(120),
  /** Between two parts of a stream. */
  idle: seconds.default(60),
  /** For all of a call, retries among it: the platform ends a request at 150 s (400 s if paid for). */
  total: seconds.default(140),
  /** For a provider's list of models: the others' are there by then. */
  list: seconds.default(10),
  /** That a refusal is waited for before a stream to the client begins. */
  hold: seconds.default(8),
  /** After which a silent stream to the client gets a comment: proxies close what is silent. */
  keep_alive: seconds.default(10),
  /** That the rest of an answer is awaited which nobody reads any more: its end tells the usage. */
  drain: seconds.default(3),
});

/** How long is waited for what, in seconds. */
export type Timeouts = z.output<typeof timeoutsSchema>;

/** The environment's timeouts, and ours for those that it doesn't set. */
export const readTimeouts = (): Timeouts =>
  timeoutsSchema.parse(
    parseSecret("EDGELOOM_PROVIDER_TIMEOUTS", providerTimeouts() ?? "{}"),
  );
