import type { ApiError, ErrorCode } from "@shared/errors.ts";
import type { z } from "zod";

/** How errors are told where a domain speaks another API's format. */
export type ErrorFormat = {
  /** Of the JSON body. */
  schema: z.ZodType;
  /** The status that stands for one of our codes. */
  statusOf(code: ErrorCode): number;
  /** What it calls one of our codes. */
  codeOf(code: ErrorCode): string;
  respond(error: ApiError): Response;
};

/** By the beginning of a path, as in `/v1`; elsewhere errors are problems. */
export type ErrorFormats = Readonly<Record<string, ErrorFormat>>;

/** The format of errors at a path of a domain, where it isn't problems. */
export function errorFormatAt(
  formats: ErrorFormats | undefined,
  path: string,
): ErrorFormat | undefined {
  const fits = (prefix: string) => path === prefix || path.startsWith(`${prefix}/`);
  return Object.entries(formats ?? {}).find(([prefix]) => fits(prefix))?.[1];
}
