import { unwrap } from "@shared/database.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";

/** Jobs that a code location holds: enough for years of retries, few enough to be loaded at once. */
const MAX_JOBS = 500;
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
    "pipeline that was started on Dagster in the last 90 days. With the secret key those of all organizations, with " +
    "a key those of its own.",
  answers: {
    200: {
      description: "The jobs, the latest used first.",
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
}, async ({ database }) => {
  const since = new Date(Date.now() - MAX_AGE_MS).toISOString();
  const rows = await unwrap(
    database.from("dagster_jobs").select("name, pipeline_id, organization_id, definition")
      .gte("last_used_at", since).order("last_used_at", { ascending: false }).limit(MAX_JOBS),
  );
  const jobs = rows.map(({ definition, ...job }) => {
    const { name: description, ops } = definitionSchema.parse(definition);
    return { ...job, description, ops };
  });
  return { jobs };
});
