import { unwrap } from "@shared/database.ts";
import { createRoute, Reply } from "@shared/route.ts";
import { z } from "zod";
import { refusePrivateAddress } from "../endpoint_address.ts";
import {
  createdEndpointSchema,
  endpointDescriptionSchema,
  endpointEventsSchema,
  endpointUrlSchema,
} from "../endpoint_schemas.ts";
import { sealSecret } from "../seal_secret.ts";
import { createSecret } from "../signatures.ts";

export const createEndpoint = createRoute({
  method: "post",
  path: "/endpoints",
  auth: "user",
  scope: "pipelines:write",
  operationId: "create_endpoint",
  summary: "Create an endpoint",
  description:
    "Has the ends of runs sent to an address, signed by the Standard Webhooks specification: of one pipeline, or of " +
    "all. Needs the role admin. The secret is shown once. A message is sent until it is answered with 2xx, ten times " +
    "within some three days, always with the same `webhook-id`: it may come more than once, so take each id once.",
  body: z.strictObject({
    url: endpointUrlSchema,
    events: endpointEventsSchema,
    description: endpointDescriptionSchema.optional(),
    pipeline_id: z.uuid().nullable().optional().describe("All pipelines, unless told."),
  }),
  example: { url: "https://example.com/hooks/edgeloom", events: ["run.succeeded", "run.failed"] },
  answers: {
    201: { description: "The endpoint and, this once, its secret.", schema: createdEndpointSchema },
  },
  errors: ["organization_required", "encryption_not_configured"],
}, async ({ body, database, organizationId }) => {
  await refusePrivateAddress(body.url);
  const organization_id = await organizationId();
  const endpoint_id = crypto.randomUUID();
  const secret = createSecret("standard");
  const endpoint = await unwrap(
    database.rpc("create_endpoint", {
      endpoint_id,
      organization_id,
      endpoint: body,
      secret: await sealSecret(secret, organization_id),
    }),
  );
  return new Reply({ ...endpoint, secret }, { location: `endpoints/${endpoint_id}` });
});
