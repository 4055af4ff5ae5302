import { unwrap } from "@shared/database.ts";
import { decrypt } from "@shared/envelope.ts";
import { ApiError } from "@shared/errors.ts";
import { parseBody, readBytes } from "@shared/input.ts";
import { describeError, log } from "@shared/log.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { runSummarySchema } from "../schemas.ts";
import { verifyDelivery } from "../signatures.ts";
import { startErrors } from "../start_errors.ts";
import { webhookSchemeSchema } from "../trigger_schemas.ts";
import { wakeWorker } from "@shared/wake_worker.ts";

const webhookSchema = z.object({
  organization_id: z.uuid(),
  scheme: webhookSchemeSchema,
  secrets: z.array(z.object({ id: z.uuid(), ciphertext: z.string(), key_version: z.int() })),
}).nullable();

type Webhook = NonNullable<z.infer<typeof webhookSchema>>;

export const receiveDelivery = createRoute({
  method: "post",
  path: "/hooks/{trigger_id}",
  auth: "public",
  operationId: "receive_delivery",
  summary: "Receive a webhook",
  description:
    "Starts a run with the delivery's JSON body as its input. The signature over the raw body is checked by the " +
    "trigger's scheme; `standard` and `stripe` also want a timestamp within 5 minutes. A delivery id starts one run, " +
    "however often it comes.",
  params: z.object({ trigger_id: z.uuid() }),
  rawBody: { description: "Any JSON: the run's input.", example: { city: "Seattle" } },
  answers: {
    202: {
      description: "The run, queued; or the first one, for a delivery seen before.",
      schema: runSummarySchema,
    },
  },
  errors: [
    "invalid_signature",
    "invalid_json",
    "body_too_large",
    "validation_failed",
    // The user that the runs act as has left.
    "forbidden",
    "encryption_not_configured",
    ...startErrors,
  ],
}, async ({ params, request, service }) => {
  const body = await readBytes(request);
  const database = service();
  const webhook = webhookSchema.parse(await unwrap(database.rpc("find_webhook", params)));
  if (!webhook) throw new ApiError("not_found", `No webhook with id ${params.trigger_id}`);
  const secrets = await readSecrets(webhook);
  const id = await verifyDelivery(webhook.scheme, secrets, request.headers, body);
  const run = await unwrap(database.rpc("receive_delivery", {
    trigger_id: params.trigger_id,
    delivery: { id, input: parseBody(readText(body)) },
  }));
  wakeWorker();
  // The sender proved a signature, not a membership: the run's data is not theirs to see.
  return runSummarySchema.parse(run);
});

/** Text of what was signed as bytes. A replaced byte would be another input than the sender's. */
function readText(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch (cause) {
    throw new ApiError("invalid_json", "The body is not JSON: it is not UTF-8", { cause });
  }
}

/** The secrets that decrypt. One that does not must not keep the other from working. */
async function readSecrets(webhook: Webhook): Promise<string[]> {
  const { organization_id: organizationId, secrets } = webhook;
  const read = await Promise.all(secrets.map((secret) => {
    const owner = { organizationId, rowId: secret.id };
    return decrypt(secret, owner).catch((error) => {
      if (error instanceof ApiError) throw error;
      log("error", { trigger_secret: owner.rowId, error: describeError(error) });
      return undefined;
    });
  }));
  const readable = read.filter((secret) => secret !== undefined);
  if (readable.length === 0 && secrets.length > 0) {
    throw new ApiError("invalid_signature", "The webhook's secret can't be read: rotate it");
  }
  return readable;
}
