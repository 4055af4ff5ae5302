import { NetworkError } from "@shared/network_error.ts";
import { ProviderFailure } from "@shared/llm/provider_failure.ts";
import { describeRefusal, withoutKey } from "@shared/llm/refusal.ts";
import type { Source } from "@shared/llm/sources.ts";
import type { Timeouts } from "@shared/llm/timeouts.ts";
import { bearer } from "@shared/providers.ts";
import { readText } from "@shared/read_text.ts";

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
  /** Ends the exchange, also while its answer is being read; a limit of time is its reason. */
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
  const either = AbortSignal.any([signal, late.signal]);
  const timer = setTimeout(() => late.abort("first_byte"), timeouts.first_byte * 1000);
  const probe = setTimeout(() => probeConnection(source, timeouts, late), timeouts.connect * 1000);
  try {
    const response = await send(request, either);
    if (response.ok) return response;
    const { text } = await readText(response.body, REFUSAL_BYTES);
    throw describeRefusal(source, key, response, text);
  } catch (error) {
    throw failureOf(request, either, error);
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

/**
 * Whatever an exchange failed with: what was thrown, unless its signal tells that it ran out of time. What
 * the connection's own error says is for the log: it holds the address, which is the platform's to know.
 */
export function failureOf(
  { source: { provider }, key, timeouts }: Pick<Exchange, "source" | "key" | "timeouts">,
  { reason }: AbortSignal,
  error: unknown,
): ProviderFailure {
  if (error instanceof ProviderFailure) return error;
  const late = lateness(reason, timeouts);
  if (late !== undefined) {
    return new ProviderFailure("provider_timeout", `${provider} ${late}`, {
      retryable: true,
      unreached: reason === "connect",
    });
  }
  if (error instanceof NetworkError) {
    const isLate = error.code === "timeout";
    const code = isLate ? "provider_timeout" : "provider_error";
    return new ProviderFailure(code, `${provider} can't be called: ${error.message}`, {
      retryable: isLate || error.code === "unreachable",
      unreached: isLate,
    });
  }
  return new ProviderFailure("provider_error", `The connection to ${provider} failed`, {
    retryable: true,
    cause: withoutKey(wordsOf(error), key),
  });
}

const wordsOf = (error: unknown): string =>
  error instanceof Error && error.cause ? `${error}: ${wordsOf(error.cause)}` : String(error);

/** What a provider did that went over a limit of time; undefined where that is no reason of an abort. */
function lateness(reason: unknown, { first_byte, total }: Timeouts): string | undefined {
  switch (reason) {
    case "connect":
      return "can't be connected to";
    case "first_byte":
      return `did not begin to answer within ${first_byte} s`;
    case "idle":
      return "stopped in the middle of its answer";
    case "total":
      return `did not come to the end of its answer within ${total} s`;
  }
}
