import type { ErrorCode } from "@shared/errors.ts";

/** Why a pipeline can't run as it is: what `check_startable` of the database refuses with. */
export const startErrors = [
  "forbidden",
  "block_archived",
  "edge_archived",
  "edge_not_verified",
  "pipeline_not_active",
  "pipeline_empty",
  "block_without_version",
  "block_not_writable",
  "executor_not_configured",
] as const satisfies readonly ErrorCode[];
