import { createHmac } from "node:crypto";
import { Webhook } from "standardwebhooks";
import type { Answer, Body } from "./answer.ts";
import { call } from "./client.ts";
import { expect } from "./expect.ts";
import type { User } from "./tenant.ts";

/** A webhook of the pipeline; the answer holds its secret. */
export async function createTrigger(
  user: User,
  pipeline: Body,
  scheme: "standard" | "github" | "none" = "standard",
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

/** What GitHub puts beside a body. */
export function githubHeaders(
  trigger: Body,
  body: string,
  id: string = crypto.randomUUID(),
): Record<string, string> {
  const signature = createHmac("sha256", trigger.secret).update(body).digest("hex");
  return { "x-github-delivery": id, "x-hub-signature-256": `sha256=${signature}` };
}

/** Sends a delivery as an outside service does: without any credential of the project. */
export function deliver(
  trigger: { id: string },
  rawBody: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const type = { "content-type": "application/json" };
  const options = { apikey: "", rawBody, headers: { ...type, ...headers } };
  return call("POST", `/pipelines/hooks/${trigger.id}`, options);
}
