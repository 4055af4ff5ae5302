import { type Behaviour, event, failing, streaming } from "../harness/upstream.ts";

/** What the client's checks expect to be passed on where the fault is the request's. */
const ERROR = {
  message: "Told by the provider",
  type: "invalid_request_error",
  param: "messages",
  code: "as_told",
};

/**
 * Fails where the client names a model that is a failure: `fail-503` with that status, `break-off`
 * in the middle of a stream. Every other model is the demo model's.
 */
export const misbehave: Behaviour = (request) => {
  const model = String(request.body.model ?? "");
  if (model === "break-off") return streaming(event("Some"), event(" words"))(request);
  const [, status] = /^fail-(\d{3})$/.exec(model) ?? [];
  // A minute is more than we wait for, so that a rate limit is told at once.
  return status ? failing(Number(status), ERROR, { "retry-after": "60" })() : undefined;
};
