import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { pageOf, pageQuerySchema, paginate, toPage } from "@shared/page.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { deliveryColumns, deliverySchema, deliveryStatusSchema } from "../endpoint_schemas.ts";

/** The log of what was sent to an endpoint. */

const endpointParams = z.object({ id: z.uuid().describe("The endpoint's id.") });
const newestFirst = { referencedTable: "attempts", ascending: false } as const;

const listDeliveries = createRoute({
  method: "get",
  path: "/endpoints/{id}/deliveries",
  auth: "user",
  scope: "pipelines:read",
  operationId: "list_deliveries",
  summary: "List deliveries",
  description:
    "Messages to the endpoint with their attempts, newest first. They are kept for 30 days.",
  params: endpointParams,
  query: pageQuerySchema.extend({
    status: deliveryStatusSchema.optional(),
    event_type: z.string().max(50).optional(),
  }),
  answers: { 200: { description: "A page of deliveries.", schema: pageOf(deliverySchema) } },
  errors: ["invalid_cursor"],
}, async ({ params, query: { status, event_type, ...page }, database }) => {
  let select = database.from("endpoint_deliveries").select(deliveryColumns)
    .eq("endpoint_id", params.id).order("attempt", newestFirst);
  if (status) select = select.eq("status", status);
  if (event_type) select = select.eq("event_type", event_type);
  const rows = z.array(deliverySchema).parse(await unwrap(paginate(select, page)));
  if (rows.length === 0) await requireEndpoint(database, params.id);
  return toPage(rows, page.limit, ({ created_at, id }) => [created_at, id]);
});

const getDelivery = createRoute({
  method: "get",
  path: "/endpoints/{id}/deliveries/{delivery_id}",
  auth: "user",
  scope: "pipelines:read",
  operationId: "get_delivery",
  summary: "Get a delivery",
  description: "One message: what was sent, what was answered, and when it is tried again.",
  params: endpointParams.extend({ delivery_id: z.uuid() }),
  answers: { 200: { description: "The delivery.", schema: deliverySchema } },
}, ({ params, database }) => readDelivery(database, params));

async function requireEndpoint(database: DatabaseClient, id: string): Promise<void> {
  const row = await unwrap(
    database.from("pipeline_endpoints").select("id").eq("id", id).maybeSingle(),
  );
  if (!row) throw new ApiError("not_found", `No endpoint with id ${id}`);
}

/** A delivery as the API shows it. @throws {ApiError} `not_found` */
export async function readDelivery(
  database: DatabaseClient,
  { id, delivery_id }: { id: string; delivery_id: string },
): Promise<z.infer<typeof deliverySchema>> {
  const row = await unwrap(
    database.from("endpoint_deliveries").select(deliveryColumns)
      .eq("id", delivery_id).eq("endpoint_id", id).order("attempt", newestFirst).maybeSingle(),
  );
  if (!row) throw new ApiError("not_found", `No delivery with id ${delivery_id}`);
  return deliverySchema.parse(row);
}

export const deliveries = [listDeliveries, getDelivery];
