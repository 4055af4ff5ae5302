import { Buffer } from "node:buffer";
import { dagsterHeaders } from "@shared/env.ts";
import { NetworkError, type NetworkErrorCode, publicFetch } from "@shared/network.ts";
import { z } from "zod";
import type { Connection } from "./config.ts";

/** A launch waits for the code location, which may have to be started. */
const TIMEOUT_MS = 20_000;
const MAX_BYTES = 8 * 1024 * 1024;
/** Whoever a tenant names has less of a worker's time and memory. */
const TENANTS_TIMEOUT_MS = 8_000;
const TENANTS_MAX_BYTES = 1024 * 1024;

type Address = Pick<Connection, "url" | "isTenants" | "signal">;

/**
 * Dagster did not answer, or not as Dagster does. It may come round. The message is for whoever named
 * the address: it holds the host, and Dagster's own words.
 */
export class DagsterSilence extends Error {
  override readonly name = "DagsterSilence";

  constructor(
    readonly code: "dagster_unreachable" | "dagster_answer_invalid" | "dagster_address_refused",
    message: string,
    /** For a tenant whose run is on the deployment's Dagster. */
    readonly toOthers: string,
  ) {
    super(message);
  }
}

type Exchange = { status: number; text: string };

const answerSchema = z.looseObject({
  data: z.unknown().optional(),
  errors: z.array(z.looseObject({ message: z.string() })).optional(),
});

/** The GraphQL API of a webserver's address. */
export function graphqlUrl(url: string): string {
  const base = url.replace(/\/+$/, "");
  return base.endsWith("/graphql") ? base : `${base}/graphql`;
}

/**
 * One GraphQL operation.
 *
 * @throws {DagsterSilence} when no answer came, or one that is not of this schema
 */
export async function askDagster<T>(
  connection: Address,
  query: string,
  variables: Record<string, unknown>,
  schema: z.ZodType<T>,
): Promise<T> {
  const { host } = new URL(connection.url);
  const { status, text } = await send(connection, JSON.stringify({ query, variables }));
  const invalid = (why: string) =>
    new DagsterSilence(
      "dagster_answer_invalid",
      `${host} does not answer as Dagster: ${why}`,
      "The deployment's Dagster answers with an error",
    );
  // A proxy before a Dagster that is down.
  if (status >= 502 && status <= 504) {
    throw unreachable(`Dagster is down: ${host} answered ${status}`);
  }
  const answer = answerSchema.safeParse(parse(text));
  if (!answer.success) throw invalid(`it answered ${status}, and not with GraphQL`);
  const [error] = answer.data.errors ?? [];
  if (error) throw invalid(error.message.slice(0, 500));
  const data = schema.safeParse(answer.data.data);
  if (!data.success) throw invalid(`it answered ${status} with other data than was asked for`);
  return data.data;
}

const unreachable = (message: string) =>
  new DagsterSilence("dagster_unreachable", message, "The deployment's Dagster can't be reached");

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function send({ url, isTenants, signal }: Address, body: string): Promise<Exchange> {
  const headers = { "content-type": "application/json", accept: "application/json" };
  const target = graphqlUrl(url);
  try {
    return isTenants
      ? await sendPublic(target, headers, body, signal)
      : await sendTrusted(target, { ...headers, ...dagsterHeaders() }, body, signal);
  } catch (error) {
    const code = error instanceof NetworkError ? FAILURES[error.code] : undefined;
    const why = error instanceof NetworkError ? error.message : "the connection failed";
    const { host } = new URL(url);
    if (code) throw new DagsterSilence(code, why, "The deployment's Dagster can't be used");
    throw unreachable(`Dagster at ${host} can't be reached: ${why}`);
  }
}

/** What is no outage: waiting alone does not mend it. */
const FAILURES: { [code in NetworkErrorCode]?: DagsterSilence["code"] } = {
  address_refused: "dagster_address_refused",
  bad_url: "dagster_address_refused",
  too_large: "dagster_answer_invalid",
  too_many_redirects: "dagster_answer_invalid",
};

async function sendPublic(
  url: string,
  headers: Record<string, string>,
  body: string,
  signal: AbortSignal | undefined,
): Promise<Exchange> {
  const answer = await publicFetch(url, {
    method: "POST",
    headers,
    body,
    maxBytes: TENANTS_MAX_BYTES,
    timeoutMs: TENANTS_TIMEOUT_MS,
    maxRedirects: 0,
    ...(signal ? { signal } : {}),
  });
  return { status: answer.status, text: new TextDecoder().decode(answer.body) };
}

/** The deployment's own Dagster may be anywhere, a private network above all. */
async function sendTrusted(
  url: string,
  headers: Record<string, string>,
  body: string,
  signal: AbortSignal | undefined,
): Promise<Exchange> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const answer = await fetch(url, {
    method: "POST",
    // On a connection that was used before, fetch sends a request again by itself when it breaks: a
    // launch whose answer is lost would be two.
    headers: { ...headers, connection: "close" },
    body,
    redirect: "manual",
    signal: signal ? AbortSignal.any([timeout, signal]) : timeout,
  });
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    size += chunk.length;
    if (size > MAX_BYTES) {
      throw new NetworkError("too_large", `it answers with more than ${MAX_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return { status: answer.status, text: new TextDecoder().decode(Buffer.concat(chunks)) };
}
