import { unwrap } from "@shared/database.ts";
import { decrypt } from "@shared/envelope.ts";
import { ApiError } from "@shared/errors.ts";
import { readBytes } from "@shared/input.ts";
import { describeError, log } from "@shared/log.ts";
import { createRoute, Reply } from "@shared/route.ts";
import { z } from "zod";
import { readDelivery } from "../read_delivery.ts";
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
    "however often it comes, for 90 days. `github` and `hmac` sign the body alone: who has seen a delivery can send " +
    "it again under another id, so a sender that can sign id and time had better. GitHub's `ping` starts nothing.",
  params: z.object({ trigger_id: z.uuid() }),
  rawBody: {
    description: "Any JSON: the run's input. GitHub's may come as a form, in the field `payload`.",
    example: { city: "Seattle" },
  },
  answers: {
    200: {
      description: "GitHub's ping, with the right signature: nothing was started.",
      schema: z.object({ pong: z.literal(true) }),
    },
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
    // The delivery came before, and its run was deleted since.
    "conflict",
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
  const delivery = readDelivery(webhook.scheme, request.headers, body);
  if (!delivery) return { pong: true };
  const run = await unwrap(database.rpc("receive_delivery", {
    trigger_id: params.trigger_id,
    delivery: { id, ...delivery },
  }));
  wakeWorker();
  // The sender proved a signature, not a membership: the run's data is not theirs to see.
  return new Reply(runSummarySchema.parse(run), { status: 202 });
});

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
