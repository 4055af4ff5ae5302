import assert from "node:assert/strict";
import type { Body } from "./answer.ts";
import { stack } from "./stack.ts";
import type { User } from "./tenant.ts";

/** One server-sent event. */
export type ServerEvent = { id: string; event: string; data: Body };

/** The events of a run as they come; leaving the loop ends the connection. */
export async function openEvents(
  user: User,
  runId: string,
  lastEventId?: string,
): Promise<AsyncGenerator<ServerEvent>> {
  const response = await fetch(`${stack.url}/functions/v1/pipelines/runs/${runId}/events`, {
    headers: {
      apikey: stack.publishableKey,
      authorization: `Bearer ${user.token}`,
      accept: "text/event-stream",
      ...(lastEventId ? { "last-event-id": lastEventId } : {}),
    },
  });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  return parse(response);
}

/** All events of a run's stream, up to its end. */
export async function readEvents(
  user: User,
  runId: string,
  lastEventId?: string,
): Promise<ServerEvent[]> {
  const events: ServerEvent[] = [];
  for await (const event of await openEvents(user, runId, lastEventId)) events.push(event);
  return events;
}

async function* parse({ body }: Response): AsyncGenerator<ServerEvent> {
  let text = "";
  for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    const messages = text.split("\n\n");
    text = messages.pop() ?? "";
    for (const message of messages) {
      const fields = Object.fromEntries(message.split("\n").map((line) => line.split(/: (.*)/, 2)));
      if (fields.data) yield { ...fields, data: JSON.parse(fields.data) };
    }
  }
}
