import { unwrap } from "@shared/database.ts";
import { createRoute, Reply } from "@shared/route.ts";
import { z } from "zod";
import { deliverySchema } from "../endpoint_schemas.ts";
import { wakeWorker } from "@shared/wake_worker.ts";
import { readDelivery } from "./deliveries.ts";

export const testEndpoint = createRoute({
  method: "post",
  path: "/endpoints/{id}/test",
  auth: "user",
  scope: "pipelines:write",
  operationId: "test_endpoint",
  summary: "Test an endpoint",
  description:
    "Sends a `test.ping` event, signed like all others, once and without retries. What came of it is in the delivery. " +
    "Needs the role admin.",
  params: z.object({ id: z.uuid() }),
  answers: { 202: { description: "The delivery, due now.", schema: deliverySchema } },
  errors: ["conflict"],
  idempotent: true,
}, async ({ params: { id }, database }) => {
  const delivery_id = await unwrap(database.rpc("test_endpoint", { endpoint_id: id }));
  const delivery = await readDelivery(database, { id, delivery_id });
  wakeWorker();
  return new Reply(delivery, { location: `endpoints/${id}/deliveries/${delivery_id}` });
});
