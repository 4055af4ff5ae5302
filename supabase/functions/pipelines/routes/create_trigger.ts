import { unwrap } from "@shared/database.ts";
import { encrypt } from "@shared/envelope.ts";
import { supabaseUrl } from "@shared/env.ts";
import { ApiError } from "@shared/errors.ts";
import { createRoute, Reply } from "@shared/route.ts";
import { z } from "zod";
import { triggerSchema, webhookSchemeSchema } from "../schemas.ts";
import { createSecret } from "../signatures.ts";

export const createTrigger = createRoute({
  method: "post",
  path: "/{pipeline_id}/triggers",
  auth: "user",
  scope: "pipelines:write",
  operationId: "create_trigger",
  summary: "Create a trigger",
  description:
    "A webhook that starts runs of the pipeline, which act as you. Needs the role admin. The secret is shown once.",
  params: z.object({ pipeline_id: z.uuid() }),
  body: z.strictObject({
    type: z.literal("webhook"),
    scheme: webhookSchemeSchema.default("standard"),
    secret: z.string().min(16).max(200).optional().describe(
      "The sender's, if it gives one; else we make one.",
    ),
  }).check((context) => {
    const { scheme, secret } = context.value;
    const wrong = scheme === "none"
      ? secret !== undefined && "Without a scheme there is nothing to check with a secret"
      : scheme === "standard" && secret !== undefined && !/^whsec_[A-Za-z0-9+/]+=*$/.test(secret) &&
        "A Standard Webhooks secret is whsec_ and base64";
    if (wrong) {
      context.issues.push({ code: "custom", message: wrong, path: ["secret"], input: secret });
    }
  }),
  example: { type: "webhook", scheme: "standard" },
  answers: {
    201: {
      description: "The trigger, the address to send to and, this once, the secret.",
      schema: triggerSchema.extend({ url: z.url(), secret: z.string().nullable() })
        .meta({ id: "CreatedTrigger", description: "A trigger with its secret, shown this once." }),
    },
  },
  errors: ["encryption_not_configured"],
}, async ({ params, body, database }) => {
  const pipeline = await unwrap(
    database.from("pipelines").select("organization_id").eq("id", params.pipeline_id).maybeSingle(),
  );
  if (!pipeline) throw new ApiError("not_found", `No pipeline with id ${params.pipeline_id}`);
  const { scheme } = body;
  const trigger_id = crypto.randomUUID();
  const secret = scheme === "none" ? null : body.secret ?? createSecret(scheme);
  const trigger = await unwrap(
    database.rpc("create_webhook_trigger", {
      trigger_id,
      scheme,
      ...params,
      ...(secret === null ? {} : { secret: await sealed(secret, pipeline.organization_id) }),
    }),
  );
  const url = `${supabaseUrl()}/functions/v1/pipelines/hooks/${trigger_id}`;
  return new Reply({ ...trigger, url, secret }, { location: `triggers/${trigger_id}` });
});

async function sealed(secret: string, organizationId: string) {
  const id = crypto.randomUUID();
  return { id, ...await encrypt(secret, { organizationId, rowId: id }) };
}
