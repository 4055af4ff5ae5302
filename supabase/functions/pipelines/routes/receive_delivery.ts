import { connect, unwrap } from "@shared/database.ts";
import { decrypt } from "@shared/envelope.ts";
import { ApiError } from "@shared/errors.ts";
import { readBytes } from "@shared/input.ts";
import { type Json, parseJson } from "@shared/json.ts";
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
    "trigger's scheme, its timestamp must be within 5 minutes, and a delivery id starts one run however often it comes.",
  params: z.object({ trigger_id: z.uuid() }),
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
    "encryption_not_configured",
    ...startErrors,
  ],
}, async ({ params, request }) => {
  const body = await readBytes(request);
  const database = connect({ kind: "service" });
  const trigger = await unwrap(
    database.from("pipeline_triggers")
      .select("organization_id,scheme,secrets:trigger_secrets(ciphertext,key_version)")
      .eq("id", params.trigger_id).eq("type", "webhook").eq("is_active", true).maybeSingle(),
  );
  const scheme = webhookSchemeSchema.safeParse(trigger?.scheme);
  if (!trigger || !scheme.success) {
    throw new ApiError("not_found", `No webhook with id ${params.trigger_id}`);
  }
  const [sealed] = trigger.secrets;
  const secret = sealed
    ? await decrypt(sealed, { organizationId: trigger.organization_id, rowId: params.trigger_id })
    : "";
  const delivery_id = await verifyDelivery(scheme.data, secret, request.headers, body);
  const run = await unwrap(database.rpc("receive_delivery", {
    trigger_id: params.trigger_id,
    delivery_id,
    input: parse(body),
  }));
  wakeWorker();
  // The sender proved a signature, not a membership: the run's data is not theirs to see.
  return runSummarySchema.parse(run);
});

function parse(body: Uint8Array): Json {
  try {
    return parseJson(new TextDecoder().decode(body));
  } catch (cause) {
    throw new ApiError("invalid_json", "The delivery is not JSON", { cause });
  }
}
