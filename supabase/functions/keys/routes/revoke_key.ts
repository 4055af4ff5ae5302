import { unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { getApiKey } from "../read_rows.ts";

export const revokeApiKey = createRoute({
  method: "delete",
  path: "/{id}",
  auth: "user",
  scope: "keys:write",
  operationId: "revoke_api_key",
  summary: "Revoke a key",
  description:
    "The key is dead at once and for good; its row stays, for the log. You can revoke your own keys, an admin any.",
  params: z.object({ id: z.uuid() }),
  answers: { 204: { description: "Revoked, or it was already." } },
}, async ({ params, database }) => {
  const revoked = await unwrap(
    // "now" is by the database's clock, which is also the one that keys are checked by.
    database.from("api_keys").update({ revoked_at: "now" }).eq("id", params.id)
      .or("revoked_at.is.null,revoked_at.gt.now").select("id"),
  );
  if (revoked.length > 0) return undefined;
  const { revoked_at: since } = await getApiKey(database, params.id);
  if (since === null) throw new ApiError("forbidden", "Your role does not allow this with the key");
  return undefined;
});
