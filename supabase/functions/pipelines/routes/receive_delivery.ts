import { unwrap } from "@shared/database.ts";
import { decrypt, type Owner, type Sealed } from "@shared/envelope.ts";
import { ApiError } from "@shared/errors.ts";
import { parseBody, readBytes } from "@shared/input.ts";
import { describeError, log } from "@shared/log.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { runSummarySchema, webhookSchemeSchema } from "../schemas.ts";
import { verifyDelivery } from "../signatures.ts";
import { startErrors } from "../start_errors.ts";
import { wakeWorker } from "../wake.ts";

export const receiveDelivery = createRoute({
  method: "post",
  path: "/hooks/{trigger_id}",
  auth: "public",
  operationId: "receive_delivery",
  summary: "Receive a webhook",
  description:
    "Starts a run with the delivery's JSON body as its input. The signature over the raw body is checked by the " +
    "trigger's scheme; `standard` also wants a timestamp within 5 minutes. A delivery id starts one run, " +
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
  const trigger = await unwrap(
    database.from("pipeline_triggers")
      .select("organization_id,scheme,secrets:trigger_secrets(id,ciphertext,key_version)")
      .eq("id", params.trigger_id).eq("type", "webhook").eq("is_active", true).maybeSingle(),
  );
  const scheme = webhookSchemeSchema.safeParse(trigger?.scheme);
  if (!trigger || !scheme.success) {
    throw new ApiError("not_found", `No webhook with id ${params.trigger_id}`);
  }
  const { organization_id: organizationId } = trigger;
  const secrets = await Promise.all(
    trigger.secrets.map((secret) => decryptOrRefuse(secret, { organizationId, rowId: secret.id })),
  );
  const id = await verifyDelivery(scheme.data, secrets, request.headers, body);
  const run = await unwrap(database.rpc("receive_delivery", {
    trigger_id: params.trigger_id,
    delivery: { id, input: parseBody(new TextDecoder().decode(body)) },
  }));
  wakeWorker();
  // The sender proved a signature, not a membership: the run's data is not theirs to see.
  return runSummarySchema.parse(run);
});

/** A secret that does not decrypt checks no signature: the sender is refused, and we are told why. */
function decryptOrRefuse(sealed: Sealed, owner: Owner): Promise<string> {
  return decrypt(sealed, owner).catch((error) => {
    if (error instanceof ApiError) throw error;
    log("error", { trigger_secret: owner.rowId, error: describeError(error) });
    throw new ApiError("invalid_signature", "The webhook's secret can't be read: create it anew");
  });
}
