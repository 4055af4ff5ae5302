import assert from "node:assert/strict";
import { StepError } from "../../../supabase/functions/pipelines/execution/step_error.ts";

/** The StepError that a promise rejects with; anything else fails the test. */
export async function stepError(work: Promise<unknown>): Promise<StepError> {
  try {
    const value = await work;
    assert.fail(`nothing failed: ${JSON.stringify(value)}`);
  } catch (error) {
    if (error instanceof StepError) return error;
    throw error;
  }
}
