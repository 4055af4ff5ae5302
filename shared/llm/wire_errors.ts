import type { ErrorFormat } from "@shared/error_format.ts";
import { ApiError, ERROR_STATUS, type ErrorCode } from "@shared/errors.ts";
import { ProviderFailure } from "@shared/llm/provider_failure.ts";
import { z } from "zod";

/** OpenAI's error object. */
export const openAiErrorSchema = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable().describe("The field of the request that is wrong."),
    code: z.string().nullable().describe("What a program decides by."),
  }),
}).meta({ id: "OpenAiError", description: "An error, in OpenAI's format." });

type Body = z.output<typeof openAiErrorSchema>;

/** Codes of ours for which OpenAI has its own. */
const CODES: Partial<Record<ErrorCode, string>> = {
  rate_limited: "rate_limit_exceeded",
};

const codeOf = (code: ErrorCode): string => CODES[code] ?? code;

/** OpenAI calls bad input a bad request, whatever is wrong with it. */
const statusOf = (code: ErrorCode): number =>
  code === "validation_failed" ? 400 : ERROR_STATUS[code];

/** What is told of an error: of a fault of ours that there is one, and no more. */
export const asApiError = (error: unknown): ApiError =>
  error instanceof ApiError
    ? error
    : new ApiError("internal_error", "Something went wrong on our side", { cause: error });

/** An error as OpenAI tells it, with its status. What a provider said of a request is passed on. */
export function openAiError(error: ApiError): { status: number; body: Body } {
  if (error instanceof ProviderFailure && error.wire) {
    const { status, ...told } = error.wire;
    return { status, body: { error: told } };
  }
  const status = statusOf(error.code);
  return {
    status,
    body: {
      error: {
        message: error.message,
        type: typeOf(error.code, status),
        param: paramOf(error),
        code: codeOf(error.code),
      },
    },
  };
}

function typeOf(code: ErrorCode, status: number): string {
  if (code === "budget_exceeded") return "insufficient_quota";
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}

/** `messages[0].role`, where our own paths say `messages.0.role`. */
function paramOf({ options }: ApiError): string | null {
  const path = options.errors?.[0]?.path;
  return path ? path.replace(/^query\./, "").replaceAll(/\.(\d+)(?=\.|$)/g, "[$1]") : null;
}

/** Errors in OpenAI's format, for paths that speak it. */
export const openAiErrors: ErrorFormat = {
  schema: openAiErrorSchema,
  statusOf,
  codeOf,
  respond(error) {
    const { status, body } = openAiError(error);
    return Response.json(body, { status, headers: error.options.headers });
  },
};
