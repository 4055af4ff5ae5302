import { unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { sealSecret } from "../seal_secret.ts";
import { createSecret, secretProblem } from "../signatures.ts";
import { givenSecretSchema } from "../trigger_schemas.ts";

const GRACE_DAYS = 30;

export const rotateTriggerSecret = createRoute({
  method: "post",
  path: "/triggers/{id}/rotate",
  auth: "user",
  scope: "pipelines:write",
  operationId: "rotate_trigger_secret",
  summary: "Rotate a webhook's secret",
  description:
    "Gives the webhook a new secret, which works at once. The one before it works until the grace ends; never more " +
    "than two do. Needs the role admin.",
  params: z.object({ id: z.uuid() }),
  body: z.strictObject({
    grace_seconds: z.int().min(0).max(GRACE_DAYS * 86_400).default(0),
    secret: givenSecretSchema.optional().describe(
      "The sender's, if it gives one; else we make one.",
    ),
  }).prefault({}),
  example: { grace_seconds: 3600 },
  answers: {
    200: {
      description: "The new secret, this once.",
      schema: z.object({
        id: z.uuid().describe("The trigger's."),
        secret: z.string(),
        grace_seconds: z.int().describe("How long the one before it goes on to work."),
      }).meta({ id: "RotatedSecret", description: "A webhook's new secret, shown this once." }),
    },
  },
  errors: ["encryption_not_configured"],
}, async ({ params: { id }, body, database }) => {
  const trigger = await unwrap(
    database.from("pipeline_triggers").select("organization_id,scheme").eq("id", id).maybeSingle(),
  );
  if (!trigger) throw new ApiError("not_found", `No trigger with id ${id}`);
  const { organization_id, scheme } = trigger;
  if (scheme === null || scheme === "none") {
    throw new ApiError("validation_failed", "Only a webhook with a signature has a secret");
  }
  const problem = secretProblem(scheme, body.secret);
  if (problem) {
    const errors = [{ path: "secret", message: problem }];
    throw new ApiError("validation_failed", `secret: ${problem}`, { errors });
  }
  const { grace_seconds, secret = createSecret(scheme) } = body;
  const sealed = await sealSecret(secret, organization_id);
  await unwrap(
    database.from("trigger_secrets").insert({ ...sealed, trigger_id: id, grace_seconds }),
  );
  return { id, secret, grace_seconds };
});
