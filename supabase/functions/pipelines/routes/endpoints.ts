import { unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { createResource } from "@shared/resource.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { refusePrivateAddress } from "../endpoint_address.ts";
import { endpointChangesSchema, endpointSchema } from "../endpoint_schemas.ts";

/** Endpoints as rows; creating one makes a secret and has a file of its own. */

const updateEndpoint = createRoute({
  method: "patch",
  path: "/endpoints/{id}",
  auth: "user",
  scope: "pipelines:write",
  operationId: "update_endpoint",
  summary: "Change an endpoint",
  description:
    "Changes what the body names and leaves the rest. Needs the role admin. While an endpoint is off nothing new is " +
    "kept for it, unless it is off for failing; what was due waits, and goes out once it is on again.",
  params: z.object({ id: z.uuid().describe("The endpoint's id.") }),
  body: endpointChangesSchema,
  example: { is_active: false },
  answers: { 200: { description: "The endpoint as it is now.", schema: endpointSchema } },
}, async ({ params, body, database }) => {
  if (body.url !== undefined) await refusePrivateAddress(body.url);
  const read = () =>
    unwrap(database.from("pipeline_endpoints").select().eq("id", params.id).maybeSingle());
  const before = await read();
  if (!before) throw new ApiError("not_found", `No endpoint with id ${params.id}`);
  if (Object.keys(body).length === 0) return before;
  const [after] = await unwrap(
    database.from("pipeline_endpoints").update(body).eq("id", params.id).select(),
  );
  if (!after) throw new ApiError("forbidden", "Your role does not allow this with the endpoint");
  return after;
});

export const endpoints = [
  ...createResource({
    domain: "pipelines",
    name: "endpoint",
    table: "pipeline_endpoints",
    path: "/endpoints",
    item: endpointSchema,
    select: "*",
    inOrganization: true,
    filters: z.object({ pipeline_id: z.uuid().optional() }),
    operations: ["list", "get", "delete"],
  }),
  updateEndpoint,
];
