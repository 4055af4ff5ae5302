import { ApiError, type FieldError } from "@shared/errors.ts";
import { checkSyntax } from "@shared/sandbox.ts";
import { SandboxError } from "@shared/sandbox_error.ts";
import { checkParameters } from "./parameters.ts";
import { toolChangeSchema } from "./schemas.ts";

/**
 * Refuses a tool for its parameters or its code, where they are given.
 *
 * @throws {ApiError} `validation_failed`
 */
export async function checkTool(body: unknown): Promise<void> {
  const { parameters, code } = toolChangeSchema.loose().parse(body);
  const errors = [
    ...parameters ? await checkParameters(parameters) : [],
    ...code === undefined ? [] : await checkCode(code),
  ];
  const [first] = errors;
  if (first) throw new ApiError("validation_failed", `${first.path}: ${first.message}`, { errors });
}

async function checkCode(code: string): Promise<FieldError[]> {
  try {
    await checkSyntax(code);
    return [];
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error;
    return [{ path: "code", message: error.located }];
  }
}
