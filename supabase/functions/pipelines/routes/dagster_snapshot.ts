import { unwrap } from "@shared/database.ts";
import { log } from "@shared/log.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";

/** Jobs that a code location holds: few enough to be loaded at once. */
const MAX_JOBS = 500;
/** Those of an organization, beside what is under way, where all share a Dagster. */
const MAX_EACH = 50;
const MAX_AGE_MS = 90 * 24 * 3600 * 1000;

const opSchema = z.object({
  op: z.string(),
  block_id: z.uuid(),
  name: z.string().describe("The block's."),
  kind: z.string().nullable(),
  image: z.string().nullable().describe("The newest image of the block that was built."),
  after: z.array(z.string()).describe("Ops that come first."),
  max_attempts: z.int(),
  timeout_seconds: z.int(),
});

const definitionSchema = z.object({ name: z.string(), ops: z.array(opSchema) });

export const dagsterSnapshot = createRoute({
  method: "get",
  path: "/dagster/snapshot",
  auth: "service",
  scope: "pipelines:admin",
  operationId: "get_dagster_snapshot",
  summary: "Get the jobs for Dagster",
  description:
    "What `supabase/dagster/definitions.py` builds its code location from: a job for each pinned version of a " +
    "pipeline that was started on Dagster in the last 90 days, or is under way. With the secret key those that run on " +
    "the deployment's Dagster, 50 an organization at most and what is under way; with a key all of its organization.",
  answers: {
    200: {
      description: "The jobs, of each organization what is under way first.",
      schema: z.object({
        jobs: z.array(z.object({
          name: z.string().describe("`pipeline_<id>_<hash of what is pinned>`."),
          description: z.string(),
          pipeline_id: z.uuid(),
          organization_id: z.uuid(),
          ops: z.array(opSchema),
        })),
      }),
    },
  },
}, async ({ database, caller }) => {
  const isShared = caller.kind !== "user";
  const since = new Date(Date.now() - MAX_AGE_MS).toISOString();
  const rows = await unwrap(
    database.rpc("list_dagster_jobs", {
      of_deployment: isShared,
      since,
      max_jobs: MAX_JOBS,
      max_each: isShared ? MAX_EACH : MAX_JOBS,
    }),
  );
  const jobs = rows.flatMap(({ name, pipeline_id, organization_id, definition }) => {
    const parsed = definitionSchema.safeParse(definition);
    if (!parsed.success) {
      // One bad job must not keep all others from being loaded.
      log("error", { dagster_job: name, error: z.prettifyError(parsed.error) });
      return [];
    }
    const { name: description, ops } = parsed.data;
    return [{ name, pipeline_id, organization_id, description, ops }];
  });
  return { jobs };
});
