import { isJsonObject, type Json, parseJson } from "@shared/json.ts";
import type { BlockContext } from "../context.ts";
import { callProject } from "../project_api.ts";
import { StepError } from "../step_error.ts";
import { inputRows } from "./rows.ts";
import type { DatasetOf } from "./specs.ts";

type Spec = DatasetOf<"table">;

const DEFAULT_LIMIT = 1000;
const CODES = { notFound: "table_not_found", failed: "table_failed" };

/** The rows of a table, as the run's user may read it. */
export async function readTable(spec: Spec, { api, signal }: BlockContext): Promise<Json> {
  const query = new URLSearchParams({
    ...spec.filter,
    select: spec.select ?? "*",
    limit: String(spec.limit ?? DEFAULT_LIMIT),
  });
  const text = await callProject(api, {
    url: `${api.restUrl}/${spec.table}?${query}`,
    method: "GET",
    source: spec.table,
    codes: CODES,
    signal,
  });
  return parseJson(text);
}

/**
 * Writes rows to a table through `write_table_rows`, which does it once a step, however often the
 * step runs. Returns the function's answer, `{rows_written}`.
 */
export async function writeTable(
  { table, mode = "append", on_conflict }: Spec,
  input: Json,
  { api, stepId, signal }: BlockContext,
): Promise<Json> {
  const rows = inputRows(input);
  const fault = rows.findIndex((row) => !isJsonObject(row));
  if (fault >= 0) {
    throw new StepError({ code: "row_invalid", message: `row ${fault + 1} is not an object` });
  }
  const text = await callProject(api, {
    url: `${api.restUrl}/rpc/write_table_rows`,
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      step_id: stepId,
      table_name: table,
      rows,
      mode,
      on_conflict: on_conflict ?? null,
    }),
    source: table,
    codes: CODES,
    signal,
  });
  return parseJson(text);
}
