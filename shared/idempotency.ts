import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { sha256Hex } from "@shared/hash.ts";
import { type Json, parseJson } from "@shared/json.ts";
import { describeError, log } from "@shared/log.ts";
import { z } from "zod";

const claimSchema = z.discriminatedUnion("state", [
  z.object({ state: z.literal("new") }),
  z.object({ state: z.literal("done"), status_code: z.number(), response: z.unknown() }),
]);

const EVENTS = "text/event-stream";

/** As which a stream is kept. */
const streamSchema = z.strictObject({ [EVENTS]: z.string() });

/** The longest answer that is kept, in characters. */
const MAX_LENGTH = 16 * 1024 * 1024;

/** What ends a stream of OpenAI's chunks. Without it the answer broke off. */
const DONE = "data: [DONE]\n\n";

/**
 * Runs `work` once for an Idempotency-Key: the same key and body gets the first answer again
 * (header `idempotent-replayed: true`), JSON or a whole stream of events. An error thrown frees the key,
 * because nothing was done that a second try would double; so does a stream that breaks off or that nobody
 * reads to its end. Work that was done is answered, also where its answer could not be kept.
 *
 * @throws {ApiError} `idempotency_key_reused` for another body, `request_in_flight`
 */
export async function once(
  database: DatabaseClient,
  request: { key: string; operation: string; body: string },
  work: () => Promise<Response>,
): Promise<Response> {
  const { key, operation } = request;
  if (key.length > 255) {
    throw new ApiError("invalid_request", "An Idempotency-Key has 255 characters at most");
  }
  const request_hash = await sha256Hex(request.body);
  const claim = claimSchema.parse(
    await unwrap(database.rpc("begin_idempotent_request", { operation, key, request_hash })),
  );
  if (claim.state === "done") {
    const { response, status_code: status } = claim;
    const headers = { "idempotent-replayed": "true" };
    const { data: stream } = streamSchema.safeParse(response);
    return stream
      ? new Response(stream[EVENTS], { status, headers: { ...headers, "content-type": EVENTS } })
      : Response.json(response, { status, headers });
  }
  const keep = (answer: { status_code?: number; response?: Json }) =>
    unwrap(database.rpc("end_idempotent_request", { operation, key, ...answer }));
  const response = await work().catch(async (error) => {
    await keep({}).catch(() => {}); // The error that matters is the one of the work.
    throw error;
  });
  const keepText = async (text: string | undefined, parse: (text: string) => Json) => {
    try {
      const isKept = text !== undefined && text.length <= MAX_LENGTH;
      await keep(isKept ? { status_code: response.status, response: parse(text) } : {});
    } catch (error) {
      log("error", { idempotency: operation, error: describeError(error) });
    }
  };
  if (response.body && response.headers.get("content-type")?.startsWith(EVENTS)) {
    const parts = response.body.pipeThrough(
      collect((text) =>
        keepText(text?.endsWith(DONE) ? text : undefined, (events) => ({ [EVENTS]: events }))
      ),
    );
    return new Response(parts, response);
  }
  await keepText(await response.clone().text(), parseJson);
  return response;
}

/** Passes a stream on as it comes, and tells its text at the end; undefined where it was given up. */
function collect(
  end: (text: string | undefined) => Promise<void>,
): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder();
  let text = "";
  return new TransformStream({
    transform(part, controller) {
      if (text.length <= MAX_LENGTH) text += decoder.decode(part, { stream: true });
      controller.enqueue(part);
    },
    flush: () => end(text),
    cancel: () => end(undefined),
  });
}
