import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { createRoute, Reply } from "@shared/route.ts";
import { z } from "zod";
import { sealSecret } from "../seal_secret.ts";
import { showTrigger } from "../show_trigger.ts";
import { createSecret, secretProblem } from "../signatures.ts";
import {
  checkSchedule,
  givenSecretSchema,
  scheduleFields,
  triggerColumns,
  triggerRowSchema,
  triggerSchema,
  webhookSchemeSchema,
} from "../trigger_schemas.ts";

const webhookSchema = z.strictObject({
  type: z.literal("webhook"),
  scheme: webhookSchemeSchema.default("standard"),
  secret: givenSecretSchema.optional().describe("The sender's, if it gives one; else we make one."),
}).check(({ value: { scheme, secret }, issues }) => {
  const message = secretProblem(scheme, secret);
  if (message) issues.push({ code: "custom", message, path: ["secret"], input: secret });
});

const cronSchema = z.strictObject({
  type: z.literal("cron"),
  ...scheduleFields,
  timezone: scheduleFields.timezone.default("UTC"),
  catch_up: scheduleFields.catch_up.default("one"),
  overlap: scheduleFields.overlap.default("skip"),
  input: scheduleFields.input.default({}),
}).check(checkSchedule);

export const createTrigger = createRoute({
  method: "post",
  path: "/{pipeline_id}/triggers",
  auth: "user",
  scope: "pipelines:write",
  operationId: "create_trigger",
  summary: "Create a trigger",
  description:
    "What starts runs of the pipeline, which act as you: a webhook, or a schedule by a cron expression. Needs the " +
    "role admin. A webhook's secret is shown once.",
  params: z.object({ pipeline_id: z.uuid() }),
  body: z.discriminatedUnion("type", [webhookSchema, cronSchema]),
  example: { type: "cron", expression: "0 6 * * 1-5", timezone: "Europe/Berlin" },
  answers: {
    201: {
      description: "The trigger: a schedule with its next five times, a webhook with its secret.",
      schema: triggerSchema.extend({
        secret: z.string().nullable().describe("A webhook's, this once."),
      }).meta({ id: "CreatedTrigger", description: "A trigger with its secret, shown this once." }),
    },
  },
  errors: ["encryption_not_configured"],
}, async ({ params: { pipeline_id }, body, database }) => {
  const organizationId = await organizationOf(database, pipeline_id);
  if (body.type === "cron") {
    const row = await unwrap(
      database.from("pipeline_triggers").insert({ ...body, pipeline_id })
        .select(triggerColumns).single(),
    );
    return created(row, null);
  }
  const { scheme } = body;
  const secret = scheme === "none" ? null : body.secret ?? createSecret(scheme);
  const sealed = secret === null ? {} : { secret: await sealSecret(secret, organizationId) };
  const trigger_id = crypto.randomUUID();
  const row = await unwrap(
    database.rpc("create_webhook_trigger", { trigger_id, pipeline_id, scheme, ...sealed }),
  );
  return created(row, secret);
});

function created(row: unknown, secret: string | null): Reply {
  const trigger = showTrigger(triggerRowSchema.parse(row));
  return new Reply({ ...trigger, secret }, { location: `triggers/${trigger.id}` });
}

async function organizationOf(database: DatabaseClient, id: string): Promise<string> {
  const pipeline = await unwrap(
    database.from("pipelines").select("organization_id").eq("id", id).maybeSingle(),
  );
  if (!pipeline) throw new ApiError("not_found", `No pipeline with id ${id}`);
  return pipeline.organization_id;
}
