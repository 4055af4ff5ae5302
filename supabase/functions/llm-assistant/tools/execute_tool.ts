import { ApiError } from "@shared/errors.ts";
import { isJsonObject, type Json, type JsonObject, nestsDeeper, parseJson } from "@shared/json.ts";
import { UnusableSchema } from "@shared/json_schema.ts";
import { checkValue, CostlyCheck } from "@shared/json_schema_cost.ts";
import { dotted } from "@shared/json_schema_size.ts";
import { runSandboxed } from "@shared/sandbox.ts";
import { SandboxError } from "@shared/sandbox_error.ts";
import { BUILT_IN } from "./built_in.ts";
import { type CodeTime, type Tool, type ToolContext, ToolError } from "./tool.ts";

/** What one call may take. */
export const TOOL_LIMITS = {
  /** Wall time of an own tool's code, in milliseconds. */
  timeoutMs: 500,
  /** The same for all calls of a turn: the platform gives a request 2 s of processor time. */
  turnMs: 1_000,
  /** Memory of an own tool's code, in bytes. */
  memoryBytes: 32 * 1024 * 1024,
  /** The longest output of an own tool's code, in bytes of JSON. */
  outputBytes: 256 * 1024,
  /** The longest arguments, in characters of JSON. */
  argumentsLength: 64 * 1024,
  /** How deep arguments nest. */
  argumentsDepth: 32,
  /** What the check of arguments may cost, in parts of the schema on one value: half a second. */
  checkCost: 100_000,
} as const;

const LISTED = 5;

/**
 * Calls a tool: the arguments are held against its schema, and then it runs, an own one in the sandbox,
 * a built-in one as the caller.
 *
 * @param argumentsJson as a model writes them; empty text is no arguments
 * @throws {ToolError} whatever is not our own fault; `arguments_invalid` before anything ran
 * @throws {ApiError} of a status from 500
 */
export async function executeTool(
  tool: Tool,
  argumentsJson: string,
  context: ToolContext,
): Promise<Json> {
  const input = await readArguments(tool.parameters, argumentsJson);
  if (!tool.built_in) return await runCode(tool, input, context.codeTime);
  const run = Object.hasOwn(BUILT_IN, tool.name) ? BUILT_IN[tool.name] : undefined;
  if (!run) throw new ToolError("unknown_tool", `There is no tool ${tool.name}`);
  try {
    return await run(input, context);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status >= 500) throw error;
    throw new ToolError(error.code, error.message);
  }
}

async function readArguments(parameters: JsonObject, json: string): Promise<JsonObject> {
  const invalid = (message: string) => new ToolError("arguments_invalid", message);
  const { argumentsLength, argumentsDepth, checkCost } = TOOL_LIMITS;
  if (json.length > argumentsLength) {
    throw invalid(`Arguments have ${argumentsLength} characters at most`);
  }
  if (nestsDeeper(json, argumentsDepth)) {
    throw invalid(`Arguments nest ${argumentsDepth} levels at most`);
  }
  const value = parse(json);
  if (!isJsonObject(value)) throw invalid("The arguments are no JSON object");
  // Checked when it was written, but for who writes past the functions.
  const broken = await checkValue(parameters, value, checkCost).catch((error) => {
    if (error instanceof UnusableSchema) {
      throw new ToolError("schema_invalid", `parameters: ${error.message}`);
    }
    if (error instanceof CostlyCheck) {
      throw invalid("The arguments are too many for so large a schema");
    }
    throw error;
  });
  if (broken.length === 0) return value;
  throw invalid(
    broken.slice(0, LISTED).map(({ pointer, message }) => `arguments${dotted(pointer)}: ${message}`)
      .join("; "),
  );
}

function parse(json: string): Json | undefined {
  try {
    return parseJson(json.trim() || "{}");
  } catch {
    return undefined;
  }
}

async function runCode(
  { name, code }: Tool,
  input: JsonObject,
  time: CodeTime = { leftMs: TOOL_LIMITS.timeoutMs },
): Promise<Json> {
  if (code === null) throw new ToolError("unknown_tool", `The tool ${name} has no code`);
  if (time.leftMs <= 0) {
    throw new ToolError("code_timeout", "The tools of this turn have used all of their time");
  }
  const { memoryBytes, outputBytes } = TOOL_LIMITS;
  const timeoutMs = Math.ceil(Math.min(TOOL_LIMITS.timeoutMs, time.leftMs));
  const options = { timeoutMs, memoryBytes, maxOutputBytes: outputBytes };
  const started = performance.now();
  try {
    return await runSandboxed(code, input, {
      ...options,
      now: Date.now(),
      seed: crypto.randomUUID(),
    });
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error;
    throw new ToolError(`code_${error.kind}`, error.located);
  } finally {
    time.leftMs -= performance.now() - started;
  }
}
