import type { Json } from "@shared/json.ts";
import { StepError } from "../step_error.ts";

/**
 * The rows that a dataset writes.
 *
 * @throws {StepError} `input_not_rows` when the input is not an array
 */
export function inputRows(input: Json): Json[] {
  if (Array.isArray(input)) return input;
  throw new StepError({
    code: "input_not_rows",
    message: "a dataset is written from an array of rows, and the input is none",
  });
}
