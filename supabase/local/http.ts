import { StackError } from "./errors.ts";

/** Answers one request. */
export type Answer = (
  request: Request,
  info: Deno.ServeHandlerInfo<Deno.NetAddr>,
) => Promise<Response>;

/** The API's port. */
export interface HttpServer {
  readonly port: number;
  /** Begins to answer; until then every request gets a 503. */
  answer(answer: Answer): void;
  stop(): Promise<void>;
}

/** How long a stop lets an answer go on that is still being sent, such as a stream of events. */
const LINGER_MS = 1_000;

// Kept from before any function is imported: importing one puts something else in its place.
const serve = Deno.serve;

/**
 * Takes the port at once, so that one that is taken is found before anything is done.
 * @throws StackError when it is taken
 */
export function listenHttp(port: number): HttpServer {
  let current: Answer = () => Promise.resolve(Response.json({ message: "starting" }, STARTING));
  const ended = new AbortController();
  const server = claim(port, ended.signal, (request, info) => current(request, info));
  return {
    port: server.addr.port,
    answer: (answer) => {
      current = answer;
    },
    async stop() {
      const timer = setTimeout(() => ended.abort(), LINGER_MS);
      await server.shutdown().catch(() => {});
      await server.finished;
      clearTimeout(timer);
    },
  };
}

const STARTING = { status: 503, headers: { "retry-after": "1" } };

function claim(port: number, signal: AbortSignal, answer: Answer): Deno.HttpServer<Deno.NetAddr> {
  try {
    return serve({ hostname: "127.0.0.1", port, signal, onListen: () => {}, onError }, answer);
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw new StackError(`Port ${port} is taken; choose another one with --port.`);
  }
}

function onError(error: unknown): Response {
  console.error("The stack failed to answer:", error);
  return Response.json({ message: "Internal Server Error" }, { status: 500 });
}
