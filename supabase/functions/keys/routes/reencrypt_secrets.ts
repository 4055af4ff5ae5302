import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { newestKeyVersion, rewrap } from "@shared/envelope.ts";
import { log } from "@shared/log.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";

const BATCH_SIZE = 100;
/** Batches a call: a request has 2 s of CPU. */
const BATCHES = 20;

export const reencryptSecrets = createRoute({
  method: "post",
  path: "/providers/reencrypt",
  auth: "service",
  operationId: "reencrypt_secrets",
  summary: "Re-encrypt secrets",
  description:
    "After a new version was added to EDGELOOM_ENCRYPTION_KEYS: wraps the data key of every secret (provider keys, " +
    "webhook secrets) with the newest one, while they stay in use. Call it until `is_complete`, each time from where " +
    "it stopped; then the old version can go, if nothing `failed`.",
  body: z.strictObject({
    after: z.uuid().optional().describe("`next_after` of the call before."),
  }),
  example: {},
  answers: {
    200: {
      description: "How far it came.",
      schema: z.object({
        key_version: z.int().describe("The newest version."),
        reencrypted: z.int(),
        failed: z.array(z.object({ table_name: z.string(), id: z.uuid() })).describe(
          "Secrets that don't decrypt: their version's key is missing, or they were tampered with.",
        ),
        is_complete: z.boolean(),
        next_after: z.uuid().nullable().describe("Where the next call begins; null: at the start."),
      }).meta({ id: "Reencryption", description: "What a call of reencrypt did." }),
    },
  },
  errors: ["encryption_not_configured"],
}, async ({ body, service }) => {
  const database = service();
  const key_version = newestKeyVersion();
  const failed: Place[] = [];
  let { after } = body;
  let reencrypted = 0;
  let is_complete = false;
  for (let batch = 0; batch < BATCHES && !is_complete; batch++) {
    const secrets = await unwrap(
      database.rpc("stale_secrets", { newest: key_version, after, batch_size: BATCH_SIZE }),
    );
    const rewrapped = await Promise.all(secrets.map(rewrapUnlessBroken));
    failed.push(...secrets.filter((_, index) => !rewrapped[index]).map(place));
    reencrypted += await replace(database, rewrapped.filter((secret) => secret !== undefined));
    after = secrets.at(-1)?.id;
    is_complete = secrets.length < BATCH_SIZE;
  }
  // One line, however many there are: the platform drops a log that is written too fast.
  if (failed.length > 0) log("error", { secrets_that_do_not_decrypt: failed.length });
  const next_after = is_complete ? null : after;
  return { key_version, reencrypted, failed, is_complete, next_after };
});

type Place = { table_name: string; id: string };
type Secret = Place & { organization_id: string; ciphertext: string; key_version: number };
type Replacement = Place & { ciphertext: string; replacement: string; key_version: number };

const place = ({ table_name, id }: Secret): Place => ({ table_name, id });

/** One that can't be read keeps no other from being re-encrypted. */
async function rewrapUnlessBroken(secret: Secret): Promise<Replacement | undefined> {
  const owner = { organizationId: secret.organization_id, rowId: secret.id };
  const rewrapped = await rewrap(secret, owner).catch(() => undefined);
  if (!rewrapped) return undefined;
  const { ciphertext: replacement, key_version } = rewrapped;
  return { ...place(secret), ciphertext: secret.ciphertext, replacement, key_version };
}

async function replace(database: DatabaseClient, secrets: Replacement[]): Promise<number> {
  return secrets.length === 0 ? 0 : await unwrap(database.rpc("replace_secrets", { secrets }));
}
