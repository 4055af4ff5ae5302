import { type Json, parseJson } from "@shared/json.ts";
import { jsonataFailure } from "./jsonata_error.ts";
import { StepError } from "./step_error.ts";

/** Bounds of one evaluation. */
export type JsonataOptions = {
  /** Wall time in milliseconds; 1000 by default. */
  timeoutMs?: number;
};

/** Nested evaluations; a plain recursive function of the expression takes about ten a call. */
const STACK = 1000;
/** The longest sequence that an expression may build. */
const SEQUENCE = 1_000_000;
/** The longest text that an expression may build, in characters. */
const TEXT = 8 * 1024 * 1024;
/** The longest result, in characters of JSON. */
const RESULT = 16 * 1024 * 1024;
const TOO_LONG = "Invalid string length";
/** JSONata calls what is bound to this name with each value that it computes. */
const AFTER_EACH = Symbol.for("jsonata.__evaluate_exit");

/**
 * Evaluates a JSONata expression over `{"input": input}`. A result of nothing is null; functions in
 * the result are refused. Regular expressions run in linear time ({@link LinearRegExp}).
 *
 * @throws {StepError} `jsonata_<JSONata's code>` with the position in the expression
 *
 * @example
 * ```ts
 * await evaluateJsonata("$sum(input.price)", [{ price: 2 }, { price: 3 }]); // 5
 * ```
 */
export async function evaluateJsonata(
  expression: string,
  input: Json,
  { timeoutMs = 1000 }: JsonataOptions = {},
): Promise<Json> {
  const compile = await loadJsonata();
  try {
    const compiled = compile(expression, timeoutMs);
    return toJson(await compiled.evaluate({ input }));
  } catch (error) {
    throw jsonataFailure(error, expression);
  }
}

/**
 * Compiles an expression without evaluating it.
 *
 * @throws {StepError} as {@link evaluateJsonata} does
 */
export async function checkJsonata(expression: string): Promise<void> {
  const compile = await loadJsonata();
  try {
    compile(expression, 0);
  } catch (error) {
    throw jsonataFailure(error, expression);
  }
}

async function loadJsonata() {
  const [{ default: jsonata }, { LinearRegExpConstructor }] = await Promise.all([
    import("jsonata"),
    import("@shared/linear_regexp.ts"),
  ]);
  return (expression: string, timeout: number) => {
    const compiled = jsonata(expression, {
      timeout,
      stack: STACK,
      sequence: SEQUENCE,
      RegexEngine: LinearRegExpConstructor,
    });
    compiled.registerFunction("pad", pad, "<s-ns?:s>");
    // The declared type of `assign` knows text only.
    Reflect.apply(compiled.assign, compiled, [AFTER_EACH, boundText]);
    return compiled;
  };
}

/** Text doubled and split a few times would end the whole process, not only the expression. */
function boundText(_node: unknown, _input: unknown, _scope: unknown, value: unknown): void {
  if (typeof value === "string" && value.length > TEXT) throw new RangeError(TOO_LONG);
}

/** `$pad` as JSONata defines it; its own first allocates whatever width it is asked for. */
function pad(text: string | undefined, width: number, fill = " "): string | undefined {
  if (text === undefined) return undefined;
  const missing = Math.abs(Math.trunc(width)) - [...text].length;
  if (missing <= 0) return text;
  if (missing > TEXT) throw new RangeError(TOO_LONG);
  const units = [...(fill === "" ? " " : fill)];
  const padding = units.length === 1
    ? (units[0] ?? " ").repeat(missing)
    : Array.from({ length: missing }, (_, i) => units[i % units.length]).join("");
  return width > 0 ? text + padding : padding + text;
}

/** Plain JSON of a result: JSONata marks its sequences and lambdas with properties of their own. */
function toJson(result: unknown): Json {
  if (result === undefined) return null;
  const text = JSON.stringify(result, (_key, value: unknown) => {
    const isFunction = typeof value === "function" ||
      (typeof value === "object" && value !== null &&
        ("_jsonata_lambda" in value || "_jsonata_function" in value));
    if (isFunction) {
      throw new StepError({
        code: "jsonata_result",
        message: "the expression results in a function, which is not a JSON value",
      });
    }
    return value;
  });
  if (text.length > RESULT) throw new RangeError(TOO_LONG);
  return parseJson(text);
}
