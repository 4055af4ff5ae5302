import { dagsterHeaders } from "@shared/env.ts";
import { NetworkError, publicFetch } from "@shared/network.ts";
import { z } from "zod";
import type { Connection } from "./config.ts";

/** A launch waits for the code location, which may have to be started. */
const TIMEOUT_MS = 20_000;
const MAX_BYTES = 8 * 1024 * 1024;

/** Dagster did not answer, or not as Dagster does. It may come round. */
export class DagsterSilence extends Error {
  override readonly name = "DagsterSilence";

  constructor(
    readonly code: "dagster_unreachable" | "dagster_answer_invalid" | "dagster_address_refused",
    message: string,
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
  connection: Pick<Connection, "url" | "isTenants">,
  query: string,
  variables: Record<string, unknown>,
  schema: z.ZodType<T>,
): Promise<T> {
  const { host } = new URL(connection.url);
  const { status, text } = await send(connection, JSON.stringify({ query, variables }));
  const invalid = (why: string) =>
    new DagsterSilence("dagster_answer_invalid", `${host} does not answer as Dagster: ${why}`);
  // A proxy before a Dagster that is down.
  if (status >= 502 && status <= 504) {
    throw new DagsterSilence("dagster_unreachable", `Dagster is down: ${host} answered ${status}`);
  }
  const answer = answerSchema.safeParse(parse(text));
  if (!answer.success) throw invalid(`it answered ${status}, and not with GraphQL`);
  const [error] = answer.data.errors ?? [];
  if (error) throw invalid(error.message.slice(0, 500));
  const data = schema.safeParse(answer.data.data);
  if (!data.success) throw invalid(`it answered ${status} with other data than was asked for`);
  return data.data;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function send({ url, isTenants }: Pick<Connection, "url" | "isTenants">, body: string) {
  const headers = { "content-type": "application/json", accept: "application/json" };
  const target = graphqlUrl(url);
  try {
    return isTenants
      ? await sendPublic(target, headers, body)
      : await sendTrusted(target, { ...headers, ...dagsterHeaders() }, body);
  } catch (error) {
    if (error instanceof NetworkError && ["address_refused", "bad_url"].includes(error.code)) {
      throw new DagsterSilence("dagster_address_refused", error.message);
    }
    const why = error instanceof NetworkError ? error.message : "the connection failed";
    const { host } = new URL(url);
    throw new DagsterSilence("dagster_unreachable", `Dagster at ${host} can't be reached: ${why}`);
  }
}

async function sendPublic(
  url: string,
  headers: Record<string, string>,
  body: string,
): Promise<Exchange> {
  const answer = await publicFetch(url, {
    method: "POST",
    headers,
    body,
    maxBytes: MAX_BYTES,
    timeoutMs: TIMEOUT_MS,
    maxRedirects: 0,
  });
  return { status: answer.status, text: new TextDecoder().decode(answer.body) };
}

/** The deployment's own Dagster may be anywhere, a private network above all. */
async function sendTrusted(
  url: string,
  headers: Record<string, string>,
  body: string,
): Promise<Exchange> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const answer = await fetch(url, {
    method: "POST",
    // On a connection that was used before, fetch sends a request again by itself when it breaks: a
    // launch whose answer is lost would be two.
    headers: { ...headers, connection: "close" },
    body,
    redirect: "manual",
    signal,
  });
  return { status: answer.status, text: await answer.text() };
}
