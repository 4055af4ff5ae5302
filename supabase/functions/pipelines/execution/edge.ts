import { type Json, parseJson } from "@shared/json.ts";
import { checkSyntax, runSandboxed } from "@shared/sandbox.ts";
import { schemaErrors } from "../check_schemas.ts";
import type { EdgeSpec } from "../specs.ts";
import { assertMatches } from "./json_schema.ts";
import { checkJsonata, evaluateJsonata } from "./jsonata.ts";
import { rethrowAsStepError, StepError } from "./step_error.ts";

/** What makes an edge's run repeatable, and what bounds it. */
export type EdgeContext = {
  /** What the sandbox's dice start from. */
  seed: string;
  /** What the sandbox's clock shows, in milliseconds since 1970; 0 by default. */
  now?: number;
  /** Wall time of the transformation in milliseconds; 1000 by default. */
  timeoutMs?: number;
};

/** How one of an edge's tests ended. */
export type EdgeTestResult = { name: string; passed: boolean; message?: string };

/** What an edge's verification found; `logs` is for people, a line a test. */
export type EdgeVerification = { passed: boolean; logs: string; results: EdgeTestResult[] };

/** All of an edge's tests together: the platform allows a request 2 s of computing. */
const VERIFICATION_MS = 1_500;
const TEST_MS = 1000;
const EXCERPT_LENGTH = 300;

/**
 * Transforms a value as the edge says, with its input and output checked against the edge's schemas.
 *
 * @throws {StepError}
 */
export async function applyEdge(spec: EdgeSpec, input: Json, context: EdgeContext): Promise<Json> {
  if (spec.input_schema) await assertMatches(spec.input_schema, input, "input");
  const output = await transform(spec, input, context);
  if (spec.output_schema) await assertMatches(spec.output_schema, output, "output");
  return output;
}

/**
 * Runs an edge's tests; an edge without tests passes when it compiles. Never throws for what the
 * author wrote: that is the result.
 *
 * @param budgetMs for all the tests together, in milliseconds
 */
export async function verifyEdge(
  spec: EdgeSpec,
  budgetMs = VERIFICATION_MS,
): Promise<EdgeVerification> {
  const tests = spec.tests ?? [];
  const results: EdgeTestResult[] = [];
  const compiles = await outcome("compiles", () => compile(spec));
  if (!compiles.passed || tests.length === 0) results.push(compiles);
  const deadline = Date.now() + budgetMs;
  let stopped = "";
  for (const test of compiles.passed ? tests : []) {
    const left = deadline - Date.now();
    if (left <= 0) {
      const waiting = tests.length - results.length;
      stopped = `stopped after ${
        budgetMs / 1000
      } s with ${waiting} of ${tests.length} tests not run`;
      break;
    }
    results.push(
      await outcome(test.name, async () => {
        const context = { seed: test.name, timeoutMs: Math.min(TEST_MS, left) };
        await expectEqual(await applyEdge(spec, test.input, context), test.expect);
      }),
    );
  }
  const lines = results.map(({ name, passed, message }) =>
    passed ? `ok: ${name}` : `FAILED: ${name}: ${message}`
  );
  const failed = results.filter(({ passed }) => !passed).length;
  const summary = stopped || `${results.length - failed} passed, ${failed} failed`;
  return {
    passed: failed === 0 && stopped === "",
    logs: [...lines, summary].join("\n"),
    results,
  };
}

function transform(spec: EdgeSpec, input: Json, context: EdgeContext): Promise<Json> {
  const { seed, now, timeoutMs } = context;
  switch (spec.kind) {
    case "identity":
      return Promise.resolve(input);
    case "jsonata":
      return evaluateJsonata(spec.expression, input, { timeoutMs });
    case "code":
      return runSandboxed(spec.source, input, { seed, now, timeoutMs }).catch(rethrowAsStepError);
  }
}

async function compile(spec: EdgeSpec): Promise<void> {
  // Checked when it was written, but for who writes past the functions.
  const [wrong] = await schemaErrors(spec);
  if (wrong) {
    throw new StepError({ code: "schema_invalid", message: `${wrong.path}: ${wrong.message}` });
  }
  if (spec.kind === "jsonata") await checkJsonata(spec.expression);
  if (spec.kind === "code") await checkSyntax(spec.source).catch(rethrowAsStepError);
}

async function outcome(name: string, work: () => Promise<void>): Promise<EdgeTestResult> {
  try {
    await work();
    return { name, passed: true };
  } catch (error) {
    if (error instanceof StepError) return { name, passed: false, message: error.message };
    throw error;
  }
}

async function expectEqual(actual: Json, expected: Json): Promise<void> {
  const { isDeepStrictEqual } = await import("node:util");
  if (isDeepStrictEqual(normalize(actual), normalize(expected))) return;
  const message = `expected ${excerpt(expected)} but got ${excerpt(actual)}`;
  throw new StepError({ code: "test_failed", message });
}

/** -0 becomes 0 and keys without a value go, as they do on their way to the next block. */
function normalize(value: Json): Json {
  return parseJson(JSON.stringify(value));
}

function excerpt(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > EXCERPT_LENGTH ? `${text.slice(0, EXCERPT_LENGTH)}…` : text;
}
