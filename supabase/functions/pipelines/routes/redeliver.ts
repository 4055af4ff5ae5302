import { unwrap } from "@shared/database.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { deliverySchema } from "../endpoint_schemas.ts";
import { wakeWorker } from "@shared/wake_worker.ts";
import { readDelivery } from "./deliveries.ts";

export const redeliver = createRoute({
  method: "post",
  path: "/endpoints/{id}/deliveries/{delivery_id}/redeliver",
  auth: "user",
  scope: "pipelines:write",
  operationId: "redeliver",
  summary: "Send a message again",
  description:
    "Sends a message again, whatever became of it, with its `webhook-id` and the whole schedule of retries. " +
    "Needs the role admin.",
  params: z.object({ id: z.uuid(), delivery_id: z.uuid() }),
  answers: { 202: { description: "The delivery, due now.", schema: deliverySchema } },
  errors: ["conflict"],
  idempotent: true,
}, async ({ params, database }) => {
  const { id: endpoint_id, delivery_id } = params;
  await unwrap(database.rpc("redeliver", { endpoint_id, delivery_id }));
  const delivery = await readDelivery(database, params);
  wakeWorker();
  return delivery;
});
