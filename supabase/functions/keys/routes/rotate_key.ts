import { unwrap } from "@shared/database.ts";
import { keyEnvironment } from "@shared/env.ts";
import { createKey } from "@shared/key_format.ts";
import { createRoute, Reply } from "@shared/route.ts";
import { z } from "zod";
import { getApiKey } from "../read_rows.ts";
import { createdKeySchema, keyOptions } from "../schemas.ts";

const GRACE_DAYS = 30;

export const rotateApiKey = createRoute({
  method: "post",
  path: "/{id}/rotate",
  auth: "user",
  scope: "keys:write",
  operationId: "rotate_api_key",
  summary: "Rotate a key",
  description:
    "Issues a new key with the same name, rights and limits. The old one works until the grace ends. Only the key's " +
    "own user can do this, also with the key itself.",
  params: z.object({ id: z.uuid() }),
  body: z.strictObject({
    grace_seconds: z.int().min(0).max(GRACE_DAYS * 86_400).default(0),
    expires_at: keyOptions.expires_at.optional().describe(
      "When the new key expires: as the old one, unless told.",
    ),
  }).prefault({}),
  example: { grace_seconds: 3600 },
  answers: { 201: { description: "The new key, this once.", schema: createdKeySchema } },
  errors: ["immutable"],
}, async ({ params, body: { grace_seconds, expires_at }, database }) => {
  const { key, record } = await createKey(keyEnvironment());
  const replacement = { ...record, ...(expires_at === undefined ? {} : { expires_at }) };
  const id = await unwrap(
    database.rpc("rotate_api_key", { key_id: params.id, replacement, grace_seconds }),
  );
  return new Reply({ ...await getApiKey(database, id), key }, { location: id });
});
