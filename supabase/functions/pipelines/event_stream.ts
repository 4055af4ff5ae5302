type Page = { data: { id: string; event_type: string }[]; ended: boolean };

/** How often the database is asked for news: at once after some, ever more seldom while there are none. */
const POLL_MS = { shortest: 200, longest: 2_000 };
/** A stream ends before the platform's 150 s do it; the client comes back with Last-Event-ID. */
const STREAM_MS = 120_000;
/** Proxies cut a silent connection. */
const KEEP_ALIVE_MS = 15_000;

/** Server-sent events of a run until it ends: each event's id is the cursor to resume from. */
export function eventStream(
  first: Page,
  after: string,
  read: (cursor: string) => Promise<Page>,
): Response {
  const encoder = new TextEncoder();
  const started = Date.now();
  let cursor = after;
  let page: Page | undefined = first;
  let spoken = Date.now();
  let pause = POLL_MS.shortest;
  let canceled = false;

  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode("retry: 1000\n\n"));
    },
    // Pulled when the client has taken what it got: a slow one slows the polling, not the memory.
    async pull(controller) {
      while (!canceled) {
        page ??= await read(cursor);
        const { data, ended } = page;
        page = undefined;
        if (data.length > 0) {
          cursor = data.at(-1)?.id ?? cursor;
          spoken = Date.now();
          pause = POLL_MS.shortest;
          controller.enqueue(encoder.encode(data.map(format).join("")));
          return;
        }
        if (ended || Date.now() - started > STREAM_MS) return controller.close();
        if (Date.now() - spoken > KEEP_ALIVE_MS) {
          spoken = Date.now();
          controller.enqueue(encoder.encode(": still running\n\n"));
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, pause));
        pause = Math.min(pause * 1.5, POLL_MS.longest);
      }
    },
    cancel() {
      canceled = true;
    },
  });
  return new Response(body, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-cache" },
  });
}

const format = (event: Page["data"][number]) =>
  `id: ${event.id}\nevent: ${event.event_type}\ndata: ${JSON.stringify(event)}\n\n`;
