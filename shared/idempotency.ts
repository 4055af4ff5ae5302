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

/**
 * Runs `work` once for an Idempotency-Key: the same key and body gets the first answer again
 * (header `idempotent-replayed: true`). An error thrown frees the key, because nothing was done that a
 * second try would double. Work that was done is answered, also where its answer could not be kept.
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
    return Response.json(claim.response, {
      status: claim.status_code,
      headers: { "idempotent-replayed": "true" },
    });
  }
  const keep = (answer: { status_code?: number; response?: Json }) =>
    unwrap(database.rpc("end_idempotent_request", { operation, key, ...answer }));
  const response = await work().catch(async (error) => {
    await keep({}).catch(() => {}); // The error that matters is the one of the work.
    throw error;
  });
  try {
    await keep({
      status_code: response.status,
      response: parseJson(await response.clone().text()),
    });
  } catch (error) {
    log("error", { idempotency: operation, error: describeError(error) });
  }
  return response;
}
