import type http from "node:http";
import { NetworkError } from "@shared/network_error.ts";
import { resolvePublicHost } from "@shared/network_address.ts";
import { flatten, openPinned, unreachable } from "@shared/network_exchange.ts";

/** A request whose answer is read as it comes. */
export type StreamRequest = {
  method: string;
  headers: Record<string, string>;
  body?: string;
  /** Until there must be a connection, in milliseconds. */
  connectMs: number;
  /** Ends the exchange, also while the answer is read. */
  signal: AbortSignal;
};

/**
 * As `publicFetch`, for an answer that comes in parts: to the checked addresses alone, without
 * following redirects. Whoever reads it bounds its length and its time.
 *
 * @throws {NetworkError} when no answer began
 */
export async function publicStream(address: string, request: StreamRequest): Promise<Response> {
  const url = URL.parse(address);
  if (url === null) throw new NetworkError("bad_url", "the address is not a URL");
  const addresses = await resolvePublicHost(url);
  const { method, headers, body, signal, connectMs } = request;
  signal.throwIfAborted();
  const opened = openPinned({ url, method, headers, body }, addresses);
  if (opened === undefined) {
    return await fetch(url, { method, headers, body, signal, redirect: "manual" })
      .catch(() => Promise.reject(unreachable(url)));
  }
  const timer = setTimeout(() => {
    if (opened.socket?.connecting !== false) opened.destroy(unconnected(url));
  }, connectMs);
  return await answerOf(opened, url, body, signal).finally(() => clearTimeout(timer));
}

function answerOf(
  request: http.ClientRequest,
  url: URL,
  body: string | undefined,
  signal: AbortSignal,
): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const breakOff = () => request.destroy();
  signal.addEventListener("abort", breakOff);
  request.on("close", () => {
    signal.removeEventListener("abort", breakOff);
    reject(unreachable(url));
  });
  request.on("error", (error) => {
    reject(error instanceof NetworkError ? error : unreachable(url));
  });
  request.on("response", (answer) => {
    const { statusCode = 502 } = answer;
    const headers = flatten(answer.headers);
    const isEmpty = [204, 205, 304].includes(statusCode);
    resolve(new Response(isEmpty ? null : streamOf(answer, url), { status: statusCode, headers }));
  });
  request.end(body);
  return promise;
}

const unconnected = ({ host }: URL) => new NetworkError("timeout", `${host} can't be connected to`);

function streamOf(answer: http.IncomingMessage, url: URL): ReadableStream<Uint8Array> {
  const chunks = answer[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await chunks.next().catch(() => Promise.reject(unreachable(url)));
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: () => {
      answer.destroy();
    },
  }, { highWaterMark: 0 });
}
