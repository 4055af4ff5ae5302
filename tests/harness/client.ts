import type { Answer } from "./answer.ts";
import { checkAnswer } from "./contract.ts";
import { stack, type TestStack } from "./stack.ts";

export type Options = {
  token?: string;
  apikey?: string;
  body?: unknown;
  /** Sent as it is, in place of `body`. */
  rawBody?: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  headers?: Record<string, string>;
};

/**
 * Calls a function as a client would: `call("POST", "/pipelines/blocks", { token, body })`.
 * Every answer is held against the function's OpenAPI document, and the operation noted as exercised.
 */
export async function call(method: string, path: string, options: Options = {}): Promise<Answer> {
  const { token, apikey = stack.publishableKey, body, rawBody, headers } = options;
  const response = await fetch(`${stack.url}/functions/v1${path}`, {
    method,
    headers: {
      ...(apikey ? { apikey } : {}),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    body: rawBody ?? (body === undefined ? undefined : JSON.stringify(body)),
  });
  const answer = await readAnswer(response);
  await checkAnswer(method, path.split("?")[0] ?? path, answer);
  return answer;
}

/** The Data API, past the functions, as a hostile client would use it. */
export async function rest(
  method: string,
  path: string,
  options: Options & { on?: TestStack } = {},
): Promise<Answer> {
  const { on = stack, token, apikey = on.publishableKey, body, headers } = options;
  const response = await fetch(`${on.url}/rest/v1${path}`, {
    method,
    headers: {
      apikey,
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      "content-type": "application/json",
      prefer: "return=representation",
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return await readAnswer(response);
}

/** The answer with its JSON read. */
export async function readAnswer(response: Response): Promise<Answer> {
  const { status, headers } = response;
  const text = await response.text();
  const isJson = text !== "" && /\bjson\b/.test(headers.get("content-type") ?? "");
  return { status, headers, body: isJson ? JSON.parse(text) : text };
}
