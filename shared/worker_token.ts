import type { Access, Caller } from "@shared/access.ts";
import { connect, unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { sha256Hex } from "@shared/hash.ts";

/** Where the database says what it calls the worker with. */
const HEADER = "x-worker-token";

/**
 * The service, for who brings the worker's token to a route that takes it. Every other route does not
 * look at the header: the token opens nothing there. A bad one is refused, whatever stands beside it.
 *
 * @returns undefined where the header is not sent or not taken
 * @throws {ApiError} `invalid_token`
 */
export async function identifyWorker(
  access: Access,
  headers: Headers,
  forwarded: Record<string, string>,
): Promise<Caller | undefined> {
  const token = headers.get(HEADER);
  if (access.auth !== "worker" || token === null) return undefined;
  // What can't be one is refused before the database is asked.
  if (/^[0-9a-f]{64}$/.test(token)) {
    const database = connect({ kind: "service" }, forwarded);
    const token_hash = await sha256Hex(token);
    if (await unwrap(database.rpc("check_worker_token", { token_hash }))) {
      return { kind: "service" };
    }
  }
  throw new ApiError("invalid_token", "The worker's token is not this project's");
}
