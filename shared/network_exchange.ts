import { Buffer } from "node:buffer";
import http from "node:http";
import https from "node:https";
import type { LookupFunction } from "node:net";
import type { Address } from "@shared/network_address.ts";
import { NetworkError } from "@shared/network_error.ts";

/** One request of a chain of redirects. */
export type Hop = { url: URL; method: string; headers: Record<string, string>; body?: string };

/** What bounds an exchange: where it may connect to, how much it may read, when it ends. */
export type Bounds = { addresses: Address[]; maxBytes: number; signal: AbortSignal };

/** The answer; header names are in lower case, `url` is where the redirects ended. */
export type PublicResponse = {
  status: number;
  headers: Record<string, string>;
  body: Uint8Array;
  url: string;
};

/** Sends one request, to the checked addresses where the runtime lets us, and reads its answer. */
export function exchange(hop: Hop, bounds: Bounds): Promise<PublicResponse> {
  const request = openPinned(hop, bounds.addresses);
  return request === undefined
    ? exchangeByFetch(hop, bounds)
    : exchangePinned(request, hop, bounds);
}

/** Opens a connection to the addresses given, or undefined where `node:http` can't (Deno 2.1). */
export function openPinned(
  { url, method, headers, body }: Hop,
  addresses: Address[],
): http.ClientRequest | undefined {
  const lookup: LookupFunction = (_name, { all }, callback) => {
    const [first] = addresses;
    if (all === true || first === undefined) callback(null, addresses);
    else callback(null, first.address, first.family);
  };
  const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
  try {
    return (url.protocol === "https:" ? https : http).request(url, {
      method,
      headers: { ...headers, "accept-encoding": "identity", ...length },
      agent: false,
      lookup,
    });
  } catch (error) {
    if (error instanceof Error && /not implemented/i.test(error.message)) return undefined;
    throw error;
  }
}

function exchangePinned(
  request: http.ClientRequest,
  { url, body }: Hop,
  { maxBytes, signal }: Bounds,
): Promise<PublicResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<PublicResponse>();
  const fail = (error: NetworkError) => {
    reject(error);
    request.destroy();
  };
  const breakOff = () => fail(unreachable(url));
  signal.addEventListener("abort", breakOff);
  request.on("close", () => signal.removeEventListener("abort", breakOff));
  request.on("error", breakOff);
  request.on("response", (response) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const encoding = response.headers["content-encoding"] ?? "identity";
    if (encoding !== "identity") {
      fail(new NetworkError("unreachable", `${url.host} answers in the encoding ${encoding}`));
    }
    response.on("data", (chunk: Uint8Array) => {
      size += chunk.length;
      if (size > maxBytes) fail(tooLarge(url, maxBytes));
      else chunks.push(chunk);
    });
    response.on("error", breakOff);
    response.on("aborted", breakOff);
    response.on("end", () => {
      const headers = flatten(response.headers);
      const status = response.statusCode ?? 0;
      resolve({ status, headers, body: Buffer.concat(chunks), url: url.href });
    });
  });
  request.end(body);
  return promise;
}

async function exchangeByFetch(
  { url, method, headers, body }: Hop,
  { maxBytes, signal }: Bounds,
): Promise<PublicResponse> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    const response = await fetch(url, { method, headers, body, signal, redirect: "manual" });
    for await (const chunk of response.body ?? []) {
      size += chunk.length;
      if (size > maxBytes) throw tooLarge(url, maxBytes);
      chunks.push(chunk);
    }
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: Buffer.concat(chunks),
      url: url.href,
    };
  } catch (error) {
    throw error instanceof NetworkError ? error : unreachable(url);
  }
}

export function unreachable(url: URL): NetworkError {
  return new NetworkError("unreachable", `the connection to ${url.host} failed`);
}

function tooLarge(url: URL, maxBytes: number): NetworkError {
  return new NetworkError("too_large", `${url.host} answers with more than ${maxBytes} bytes`);
}

export function flatten(headers: http.IncomingHttpHeaders): Record<string, string> {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]]
  );
  return Object.fromEntries(entries);
}
