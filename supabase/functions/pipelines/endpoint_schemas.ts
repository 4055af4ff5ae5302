import { jsonSchema } from "@shared/json.ts";
import { z } from "zod";

/** What the pipelines function shows of endpoints and of what was sent to them. */

const time = z.string().describe("ISO 8601.");
const id = z.uuid();
const owned = { id, organization_id: id, created_at: time, updated_at: time };

export const endpointUrlSchema = z.string().max(2000)
  .refine(
    (text) =>
      /^https?:\/\/[^\s@/?#\\]+([/?#][^\s\p{Cc}\p{Cs}]*)?$/iu.test(text) && URL.canParse(text),
    {
      message: "An http or https address without credentials",
    },
  )
  .meta({ format: "uri" })
  .describe("Where to send: http or https, without credentials. Every member can read it.");

export const endpointEventsSchema = z.array(
  z.enum(["run.succeeded", "run.failed", "run.canceled"]),
).min(1).max(3).describe("What to tell of.");

export const endpointDescriptionSchema = z.string().max(10_000).nullable();

/** What PATCH takes. */
export const endpointChangesSchema = z.strictObject({
  url: endpointUrlSchema,
  events: endpointEventsSchema,
  description: endpointDescriptionSchema,
  is_active: z.boolean(),
}).partial();

export const endpointSchema = z.object({
  ...owned,
  pipeline_id: id.nullable().describe("The one pipeline that it hears of; null: all."),
  url: endpointUrlSchema,
  events: endpointEventsSchema,
  description: endpointDescriptionSchema,
  is_active: z.boolean(),
  disabled_at: time.nullable(),
  disabled_reason: z.enum(["manual", "gone", "failing"]).nullable().describe(
    "manual: switched off; gone: it answered 410; failing: it took nothing for days.",
  ),
  failing_since: time.nullable().describe("The first failure since an attempt succeeded."),
  created_by: id.nullable(),
}).meta({ id: "PipelineEndpoint", description: "Where the ends of runs are told to." });

export const secretSchema = z.string().describe("`whsec_` and base64; shown this once.");

export const createdEndpointSchema = endpointSchema.extend({ secret: secretSchema })
  .meta({ id: "CreatedEndpoint", description: "An endpoint with its secret, shown this once." });

const headersSchema = z.record(z.string(), z.string());

export const attemptSchema = z.object({
  attempt: z.int(),
  url: z.string().describe("Where it went."),
  started_at: time,
  duration_ms: z.int().nullable(),
  request_headers: headersSchema.nullable(),
  response_status: z.int().nullable(),
  response_headers: headersSchema.nullable(),
  response_body: z.string().nullable().describe("Its first 4 KiB."),
  error: z.object({ code: z.string(), message: z.string() }).nullable().describe(
    "Why it failed; null when the receiver took it, or while it is sent.",
  ),
}).meta({ id: "DeliveryAttempt", description: "What was sent and what was answered." });

export const deliveryStatusSchema = z.enum([
  "pending",
  "sending",
  "waiting",
  "succeeded",
  "failed",
]).describe("waiting: for its endpoint to be switched on again.");

export const deliverySchema = z.object({
  ...owned,
  id: id.describe("The webhook-id, the same at each attempt."),
  endpoint_id: id,
  run_id: id.nullable(),
  event_type: z.string().describe("run.succeeded, run.failed, run.canceled or test.ping."),
  status: deliveryStatusSchema,
  attempt: z.int().describe("Attempts so far."),
  next_attempt_at: time.nullable(),
  finished_at: time.nullable(),
  payload: z.record(z.string(), jsonSchema).describe("{type, timestamp, data}: the body."),
  attempts: z.array(attemptSchema).describe("Newest first."),
}).meta({ id: "EndpointDelivery", description: "A message to an endpoint, and its attempts." });

/** PostgREST select of a {@link deliverySchema}. */
export const deliveryColumns = `${
  Object.keys(deliverySchema.omit({ attempts: true }).shape).join(",")
},attempts:endpoint_attempts(${Object.keys(attemptSchema.shape).join(",")})`;
