import { NetworkError } from "@shared/network_error.ts";
import { ProviderFailure } from "@shared/llm/provider_failure.ts";
import { describeRefusal } from "@shared/llm/refusal.ts";
import type { Source } from "@shared/llm/sources.ts";
import type { Timeouts } from "@shared/llm/timeouts.ts";
import { bearer } from "@shared/providers.ts";

/** The longest refusal that is read, in bytes. */
const REFUSAL_BYTES = 64 * 1024;

/** One request to a provider. */
export type Exchange = {
  source: Source;
  key: string;
  method: "GET" | "POST";
  /** As in `/chat/completions`. */
  path: string;
  /** What carries the key, in place of `Authorization: Bearer`. */
  headers?(key: string): Record<string, string>;
  body?: string;
  timeouts: Timeouts;
  /** Ends the exchange, also while its answer is being read. */
  signal: AbortSignal;
};

/**
 * Sends a request and returns the answer once it has begun with a 2xx.
 *
 * Neither retried nor redirected: a key is for the address that it was given for.
 *
 * @throws {ProviderFailure} for whatever else came, or came too late
 */
export async function exchange(request: Exchange): Promise<Response> {
  const { source, key, timeouts, signal } = request;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeouts.first_byte * 1000);
  const probe = setTimeout(() => probeConnection(source, timeouts, late), timeouts.connect * 1000);
  try {
    const response = await send(request, AbortSignal.any([signal, late.signal]));
    if (response.ok) return response;
    throw describeRefusal(source, key, response, await readText(response));
  } catch (error) {
    const reason = late.signal.aborted ? late.signal : signal;
    const isLate = late.signal.aborted || signal.reason === "total";
    throw isLate ? tooLate(source, reason, timeouts) : asFailure(source, error);
  } finally {
    clearTimeout(timer);
    clearTimeout(probe);
  }
}

async function send(
  { source, key, method, path, headers: carry = bearer, body, timeouts }: Exchange,
  signal: AbortSignal,
): Promise<Response> {
  const url = `${source.endpoint.baseUrl}${path}`;
  const headers = {
    ...(key === "" ? {} : carry(key)),
    ...(body === undefined ? {} : { "content-type": "application/json" }),
    "user-agent": "edgeloom",
  };
  if (!source.isTenantAddress) {
    return await fetch(url, { method, headers, body, signal, redirect: "manual" });
  }
  const { publicStream } = await import("@shared/network_stream.ts");
  const connectMs = timeouts.connect * 1000;
  return await publicStream(url, { method, headers, body, signal, connectMs });
}

/**
 * Gives an exchange up whose server takes no connection. `fetch` does not say how far it is, so a
 * second connection is tried once the first has taken long: where that one is made, the server is
 * there and only slow to answer.
 */
async function probeConnection(
  { endpoint: { baseUrl }, isTenantAddress }: Source,
  { connect }: Timeouts,
  late: AbortController,
): Promise<void> {
  // Connections to tenants' addresses are watched where they are made.
  if (isTenantAddress) return;
  const { hostname, port, protocol } = new URL(baseUrl);
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(reject, connect * 1000);
  const options = {
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port || (protocol === "https:" ? 443 : 80)),
  };
  const connecting = Deno.connect(options);
  connecting.then((connection) => connection.close(), () => {});
  await Promise.race([connecting, expired]).catch(() => late.abort("connect"));
  clearTimeout(timer);
}

const tooLate = ({ provider }: Source, { reason }: AbortSignal, { first_byte }: Timeouts) =>
  new ProviderFailure(
    "provider_timeout",
    reason === "connect"
      ? `${provider} can't be connected to`
      : `${provider} did not begin to answer within ${first_byte} s`,
    { retryable: true },
  );

/** Whatever a connection can fail with. */
export function asFailure({ provider }: Source, error: unknown): Error {
  if (error instanceof ProviderFailure) return error;
  if (error instanceof NetworkError) {
    const code = error.code === "timeout" ? "provider_timeout" : "provider_error";
    return new ProviderFailure(code, `${provider} can't be called: ${error.message}`, {
      retryable: ["timeout", "unreachable"].includes(error.code),
    });
  }
  // What fetch says holds the address, which is the platform's to know, and nothing else of use.
  return new ProviderFailure("provider_error", `The connection to ${provider} failed`, {
    retryable: true,
  });
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    if ((length += chunk.length) > REFUSAL_BYTES) break;
  }
  return new TextDecoder().decode(
    await new Blob(chunks.map((chunk) => chunk.slice())).arrayBuffer(),
  );
}
