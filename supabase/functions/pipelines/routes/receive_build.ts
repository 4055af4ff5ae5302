import { unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { fieldErrors, parseBody } from "@shared/input.ts";
import { storableText } from "@shared/json.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { hooked, verifyHook } from "../catalog_hooks.ts";
import { buildStatusSchema, digestSchema, dockerImageSummarySchema } from "../catalog_schemas.ts";

const [, images] = hooked;

/** Characters of a log that are kept: its end, where builds say what went wrong. */
const LOG_LENGTH = 200_000;

const reportSchema = z.strictObject({
  status: buildStatusSchema,
  logs: z.string().optional(),
  digest: digestSchema.optional(),
});

export const receiveBuild = createRoute({
  method: "post",
  path: `${images.path}/hook`,
  auth: "public",
  operationId: "receive_build",
  summary: "Receive a build's result",
  description:
    "For a CI job or a registry: `{status: pending|success|failed, logs?, digest?}` sets `build_status`, `build_logs` " +
    "(the last 200,000 characters) and `digest`. The signature in `X-Hub-Signature-256`, `sha256=` and the " +
    "HMAC-SHA256 of the raw body in hexadecimal, is checked.",
  params: z.object({ id: z.uuid() }),
  rawBody: {
    description: "The build's status.",
    example: { status: "success", digest: `sha256:${"0".repeat(64)}`, logs: "Built in 41 s" },
  },
  answers: {
    200: {
      description: "The image, without its log.",
      schema: dockerImageSummarySchema.pick({ id: true, build_status: true, digest: true }),
    },
  },
  errors: [
    "invalid_signature",
    "invalid_json",
    "body_too_large",
    "validation_failed",
    "encryption_not_configured",
  ],
}, async ({ params, request, service }) => {
  const database = service();
  const body = await verifyHook(database, images, params.id, request);
  const report = reportSchema.safeParse(parseBody(body));
  if (!report.success) {
    throw new ApiError("validation_failed", "This is no report of a build", {
      errors: fieldErrors(report.error),
    });
  }
  const { status, logs = "", digest } = report.data;
  return await unwrap(
    database.from("docker_images").update({
      build_status: status,
      build_logs: storableText(logs.slice(-LOG_LENGTH)),
      ...(status === "pending" ? {} : { last_built_at: new Date().toISOString() }),
      ...(digest === undefined ? {} : { digest }),
    }).eq("id", params.id).select("id,build_status,digest").single(),
  );
});
