import { createHmac } from "node:crypto";
import { Webhook } from "standardwebhooks";
import type { Answer, Body } from "./answer.ts";
import { call } from "./client.ts";
import { expect } from "./expect.ts";
import type { User } from "./tenant.ts";

/** A body as it is sent: text, or bytes that are none. */
export type RawBody = string | Uint8Array<ArrayBuffer>;

/** A webhook of the pipeline; the answer holds its secret. */
export async function createTrigger(
  user: User,
  pipeline: Body,
  scheme: "standard" | "github" | "stripe" | "hmac" | "none" = "standard",
): Promise<Body> {
  const body = { type: "webhook", scheme };
  return expect(await user.post(`/pipelines/${pipeline.id}/triggers`, body), 201);
}

/** What a sender by the Standard Webhooks puts beside a body. */
export function standardHeaders(
  trigger: Body,
  body: string,
  { id = `msg_${crypto.randomUUID()}`, at = new Date() } = {},
): Record<string, string> {
  return {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
    "webhook-signature": new Webhook(trigger.secret).sign(id, at, body),
  };
}

const hmac = ({ secret }: Body, ...parts: RawBody[]) => {
  const signature = createHmac("sha256", secret);
  for (const part of parts) signature.update(part);
  return signature.digest("hex");
};

/** What GitHub puts beside a body. */
export function githubHeaders(
  trigger: Body,
  body: RawBody,
  id: string = crypto.randomUUID(),
): Record<string, string> {
  return { "x-github-delivery": id, "x-hub-signature-256": `sha256=${hmac(trigger, body)}` };
}

/** What Stripe puts beside a body. */
export function stripeHeaders(
  trigger: Body,
  body: RawBody,
  at: Date = new Date(),
): Record<string, string> {
  const time = Math.floor(at.getTime() / 1000);
  return { "stripe-signature": `t=${time},v1=${hmac(trigger, `${time}.`, body)}` };
}

/** What a sender with an HMAC of its own puts beside a body. */
export function hmacHeaders(trigger: Body, body: RawBody, id?: string): Record<string, string> {
  const signature = { "x-signature": `sha256=${hmac(trigger, body)}` };
  return id === undefined ? signature : { ...signature, "x-delivery-id": id };
}

/** Sends a delivery as an outside service does: without any credential of the project. */
export function deliver(
  trigger: { id: string },
  rawBody: RawBody,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const type = { "content-type": "application/json" };
  const options = { apikey: "", rawBody, headers: { ...type, ...headers } };
  return call("POST", `/pipelines/hooks/${trigger.id}`, options);
}
