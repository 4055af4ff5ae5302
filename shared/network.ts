import { NetworkError } from "@shared/network_error.ts";
import type { Hop, PublicResponse } from "@shared/network_exchange.ts";

export { NetworkError, type NetworkErrorCode } from "@shared/network_error.ts";
export type { PublicResponse } from "@shared/network_exchange.ts";

/** A request to a host that a tenant named. */
export type PublicRequest = {
  /** GET by default. */
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  /** The longest answer, in bytes. A longer one is an error, never cut. */
  maxBytes: number;
  /** For all of it: resolution, redirects and body, in milliseconds. */
  timeoutMs: number;
  /** 5 by default. */
  maxRedirects?: number;
  /** Gives the exchange up: the connection is closed, and the promise rejects. */
  signal?: AbortSignal;
};

/** Connection matters that are ours to set, not the caller's. */
const OWN_HEADERS = [
  "accept-encoding",
  "connection",
  "content-length",
  "host",
  "transfer-encoding",
];

/**
 * Fetches a URL that a tenant wrote, from public addresses only.
 *
 * Each hop's host is resolved once, every address checked, and the connection made to those very
 * addresses, so a name that changes its address in between gains nothing. What remains: Deno 2.1,
 * which Supabase hosts, has no `lookup` option in `node:http` and resolves the name a second time
 * when it connects. There the check holds against fixed names, but not against DNS rebinding.
 *
 * `EDGELOOM_ALLOW_PRIVATE_NETWORK=1` admits private addresses.
 *
 * @throws {NetworkError} when no whole answer came; an answer of any status is returned
 *
 * @example
 * ```ts
 * const { status, body } = await publicFetch("https://example.com/data.csv", {
 *   maxBytes: 1_000_000,
 *   timeoutMs: 10_000,
 * });
 * ```
 */
export async function publicFetch(url: string, request: PublicRequest): Promise<PublicResponse> {
  const first: Hop = {
    url: parseUrl(url),
    method: (request.method ?? "GET").toUpperCase(),
    headers: callerHeaders(request.headers ?? {}),
    body: request.body,
  };
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const abort = new AbortController();
  const signal = request.signal ? AbortSignal.any([abort.signal, request.signal]) : abort.signal;
  const timer = setTimeout(() => {
    const seconds = request.timeoutMs / 1000;
    reject(new NetworkError("timeout", `${first.url.host} did not answer in ${seconds} s`));
    abort.abort();
  }, request.timeoutMs);
  try {
    return await Promise.race([follow(first, request, signal), expired]);
  } finally {
    clearTimeout(timer);
  }
}

async function follow(
  first: Hop,
  { maxBytes, maxRedirects = 5 }: PublicRequest,
  signal: AbortSignal,
): Promise<PublicResponse> {
  // node:http and node:dns cost a function 20 ms of its boot; most never come here.
  const [{ resolvePublicHost }, { exchange }] = await Promise.all([
    import("@shared/network_address.ts"),
    import("@shared/network_exchange.ts"),
  ]);
  let hop = first;
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const addresses = await resolvePublicHost(hop.url);
    signal.throwIfAborted();
    const response = await exchange(hop, { addresses, maxBytes, signal });
    const next = nextHop(hop, response);
    if (next === undefined) return response;
    hop = next;
  }
  throw new NetworkError("too_many_redirects", `${first.url.host} redirects too often`);
}

function nextHop(hop: Hop, { status, headers }: PublicResponse): Hop | undefined {
  const { location } = headers;
  if (![301, 302, 303, 307, 308].includes(status) || location === undefined) return undefined;
  const url = parseUrl(location, hop.url);
  const body = status === 307 || status === 308 || hop.method === "HEAD";
  // What the caller sends to one origin (credentials above all) is not for another one to read.
  const kept = url.origin === hop.url.origin
    ? hop.headers
    : pick(hop.headers, ["accept", ...(body ? ["content-type"] : [])]);
  return body ? { ...hop, url, headers: kept } : { url, method: "GET", headers: kept };
}

function parseUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base);
  if (url === null) throw new NetworkError("bad_url", "the address is not a URL");
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new NetworkError("bad_url", `the address of ${url.host} is not http or https`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new NetworkError("bad_url", `the address of ${url.host} holds credentials`);
  }
  return url;
}

function callerHeaders(headers: Record<string, string>): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return Object.fromEntries(entries.filter(([name]) => !OWN_HEADERS.includes(name ?? "")));
}

function pick(headers: Record<string, string>, names: string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => names.includes(name)));
}
