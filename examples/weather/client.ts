import { z } from "zod";

/** The functions, called as a frontend calls them: with a user's token. */
export class Client {
  constructor(private readonly url: string, private readonly headers: Record<string, string>) {}

  /** Calls a function and reads its answer by a schema; any refusal ends the demo with its text. */
  async call<T>(method: string, path: string, schema: z.ZodType<T>, body?: unknown): Promise<T> {
    const response = await fetch(`${this.url}/functions/v1/${path}`, {
      method,
      headers: { ...this.headers, "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return schema.parse(JSON.parse(text));
  }

  /** The events of a run as they happen. */
  async *events(runId: string): AsyncGenerator<RunEvent> {
    const response = await fetch(`${this.url}/functions/v1/pipelines/runs/${runId}/events`, {
      headers: { ...this.headers, accept: "text/event-stream" },
    });
    if (!response.ok || !response.body) {
      throw new Error(`The event stream answered ${response.status}`);
    }
    let rest = "";
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const messages = (rest + chunk).split("\n\n");
      rest = messages.pop() ?? "";
      for (const message of messages) {
        const data = /^data: (.*)$/m.exec(message)?.[1];
        if (data) yield eventSchema.parse(JSON.parse(data));
      }
    }
  }
}

const eventSchema = z.object({
  event_type: z.string(),
  message: z.string(),
  data: z.object({ name: z.string().optional() }),
});

export type RunEvent = z.infer<typeof eventSchema>;
