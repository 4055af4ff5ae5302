import { unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { createdEndpointSchema } from "../endpoint_schemas.ts";
import { sealSecret } from "../seal_secret.ts";
import { createSecret } from "../signatures.ts";

const GRACE_DAYS = 30;

export const rotateEndpointSecret = createRoute({
  method: "post",
  path: "/endpoints/{id}/rotate",
  auth: "user",
  scope: "pipelines:write",
  operationId: "rotate_endpoint_secret",
  summary: "Rotate an endpoint's secret",
  description:
    "Makes another secret, shown once. Until the grace ends messages are signed with both, so that a receiver with " +
    "either one finds its signature in the header. A grace of 0 voids the secret before at once. Needs the role admin.",
  params: z.object({ id: z.uuid() }),
  body: z.strictObject({
    grace_seconds: z.int().min(0).max(GRACE_DAYS * 86_400).default(0),
  }).prefault({}),
  example: { grace_seconds: 86_400 },
  answers: {
    201: { description: "The endpoint and, this once, its secret.", schema: createdEndpointSchema },
  },
  errors: ["conflict", "encryption_not_configured"],
}, async ({ params, body, database }) => {
  const endpoint = await unwrap(
    database.from("pipeline_endpoints").select().eq("id", params.id).maybeSingle(),
  );
  if (!endpoint) throw new ApiError("not_found", `No endpoint with id ${params.id}`);
  const secret = createSecret("standard");
  await unwrap(
    database.rpc("rotate_endpoint_secret", {
      endpoint_id: params.id,
      secret: await sealSecret(secret, endpoint.organization_id),
      ...body,
    }),
  );
  return { ...endpoint, secret };
});
