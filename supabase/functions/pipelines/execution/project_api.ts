import { z } from "zod";
import { decodeText, isPassing, readBody, retryAfterSeconds } from "./answer.ts";
import type { ProjectApi } from "./context.ts";
import { StepError } from "./step_error.ts";

const MAX_BYTES = 20 * 1024 * 1024;
const TIMEOUT_MS = 60_000;

/** Storage puts the true status into `statusCode` and answers 400; PostgREST has `message` alone. */
const errorSchema = z.object({
  message: z.string().optional(),
  statusCode: z.union([z.string(), z.number()]).optional(),
});

/** One call of the project's own API. */
export type ApiCall = {
  url: string;
  method: "GET" | "POST";
  headers?: Record<string, string>;
  body?: string;
  /** What the call is about, for messages: `data/weather.csv`. */
  source: string;
  /** The code of a failure; that of a 404 is the first one. */
  codes: { notFound: string; failed: string };
  /** Fires when the step is given up. */
  signal?: AbortSignal;
};

/**
 * Calls Storage or PostgREST as the run's user and returns the answer's text, of 20 MiB at most.
 *
 * @throws {StepError} with the service's own sentence; retryable where the service is at fault
 */
export async function callProject(api: ProjectApi, call: ApiCall): Promise<string> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const response = await fetch(call.url, {
      method: call.method,
      headers: {
        ...call.headers,
        apikey: api.apikey,
        authorization: `Bearer ${api.accessToken}`,
      },
      body: call.body,
      signal: call.signal ? AbortSignal.any([call.signal, timeout]) : timeout,
    });
    const text = decodeText(await readBody(response.body, MAX_BYTES, call.source), call.source);
    if (response.ok) return text;
    throw refusal(response, text, call);
  } catch (error) {
    if (error instanceof StepError) throw error;
    throw new StepError({
      code: call.codes.failed,
      message: `${call.source}: the project's API did not answer`,
      retryable: true,
    });
  }
}

function refusal(response: Response, text: string, { source, codes }: ApiCall): StepError {
  const { message, statusCode } = parseError(text);
  const status = Number(statusCode ?? response.status) || response.status;
  return new StepError({
    code: status === 404 ? codes.notFound : codes.failed,
    message: `${source}: ${message ?? `the project's API answered ${status}`}`,
    retryable: isPassing(status),
    retryAfterSeconds: retryAfterSeconds(response.headers.get("retry-after")),
  });
}

function parseError(text: string): z.infer<typeof errorSchema> {
  try {
    return errorSchema.catch({}).parse(JSON.parse(text));
  } catch {
    return {};
  }
}
