import type { Caller } from "@shared/access.ts";
import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { z } from "zod";

const uuid = z.uuid();

/**
 * Which organizations a user was last seen to belong to. It only saves a look-up: what the caller
 * may touch is decided by RLS each time, so a stale entry shows nothing that it should not.
 */
const seen = new Map<string, { ids: string[]; until: number }>();
const SEEN_FOR_MS = 30_000;
const SEEN_USERS = 1_000;

async function membershipsOf(caller: Caller & { kind: "user" }, database: DatabaseClient) {
  const known = seen.get(caller.userId);
  if (known && known.until > Date.now()) return known.ids;
  const rows = await unwrap(database.from("organizations").select("id").limit(1000));
  const ids = rows.map((row) => row.id);
  if (seen.size >= SEEN_USERS) seen.clear();
  seen.set(caller.userId, { ids, until: Date.now() + SEEN_FOR_MS });
  return ids;
}

/**
 * The organization that a request works in: `x-organization-id`, else the key's, else the caller's
 * only one.
 *
 * @returns undefined for the service, which belongs to none
 * @throws {ApiError} `organization_required` when there is a choice, `not_found` for one that the
 *   caller does not belong to
 */
export async function resolveOrganization(
  caller: Caller,
  headers: Headers,
  database: DatabaseClient,
): Promise<string | undefined> {
  const named = headers.get("x-organization-id");
  if (named !== null && !uuid.safeParse(named).success) {
    throw new ApiError("invalid_request", "x-organization-id is not a UUID");
  }
  if (caller.kind !== "user") return named ?? undefined;
  if (caller.organizationId) {
    if (named && named !== caller.organizationId) {
      throw new ApiError("not_found", "The key belongs to another organization");
    }
    return caller.organizationId;
  }
  const ids = await membershipsOf(caller, database);
  if (named) {
    if (ids.includes(named)) return named;
    // Perhaps they have just joined: what is not in the list is looked up, never refused from memory.
    const row = await unwrap(
      database.from("organizations").select("id").eq("id", named).maybeSingle(),
    );
    if (row) return named;
    throw new ApiError("not_found", `No organization with id ${named}`);
  }
  const [only] = ids;
  if (ids.length === 1 && only) return only;
  seen.delete(caller.userId);
  if (ids.length === 0) throw new ApiError("forbidden", "You belong to no organization");
  throw new ApiError(
    "organization_required",
    "You belong to several organizations: name one in the x-organization-id header",
  );
}
