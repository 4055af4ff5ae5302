import { z } from "zod";

/** What `claim_deliveries` tells a worker of one delivery. */
export const claimedDeliverySchema = z.object({
  delivery_id: z.string(),
  attempt: z.number(),
  organization_id: z.string(),
  url: z.string(),
  body: z.string(),
  secrets: z.array(
    z.object({ id: z.string(), ciphertext: z.string(), key_version: z.number() }),
  ),
});

export type ClaimedDelivery = z.infer<typeof claimedDeliverySchema>;

/** What `finish_delivery` is told of an attempt: a status of 2xx is a success, all else is none. */
export type Outcome = {
  request_headers?: Record<string, string>;
  response_status?: number;
  response_headers?: Record<string, string>;
  response_body?: string;
  error: { code: string; message: string } | null;
  duration_ms: number;
  retry_after_seconds?: number;
};
