import type { FieldError } from "@shared/errors.ts";
import type { JsonObject } from "@shared/json.ts";
import { checkSyntax } from "@shared/sandbox.ts";
import { SandboxError } from "@shared/sandbox_error.ts";
import { checkParameters } from "./parameters.ts";

/** What is wrong with a tool's parameters and its code, of those that are given. */
export async function checkTool(
  { parameters, code }: { parameters?: JsonObject; code?: string },
): Promise<FieldError[]> {
  const errors = parameters ? await checkParameters(parameters) : [];
  if (code === undefined) return errors;
  try {
    await checkSyntax(code);
    return errors;
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error;
    const where = error.line === undefined ? "" : ` (line ${error.line}, column ${error.column})`;
    return [...errors, { path: "code", message: `${error.message}${where}` }];
  }
}
