import type { Scope } from "@shared/access.ts";
import { authorize } from "@shared/caller.ts";
import { unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { type Json, jsonSchema } from "@shared/json.ts";
import { wakeWorker } from "@shared/wake_worker.ts";
import { z } from "zod";
import type { ToolContext } from "./tool.ts";

/** How long the Data API may take, in milliseconds. */
const TIMEOUT_MS = 10_000;

const limited = () => AbortSignal.timeout(TIMEOUT_MS);
/** A key does through a tool no more than it could by itself. */
const require = ({ caller }: ToolContext, scope: Scope) =>
  authorize(caller, { auth: "user", scope });
const missing = (what: string, id: string) =>
  new ApiError("not_found", `No ${what} with id ${id} in this organization`);

/** Documents come with a domain of their own; until an organization has some, a search finds none. */
function searchDocuments(): Promise<Json> {
  return Promise.resolve({ documents: [] });
}

async function runPipeline(input: unknown, context: ToolContext): Promise<Json> {
  require(context, "pipelines:run");
  const { database, organizationId, callId } = context;
  const wanted = z.object({ pipeline_id: z.uuid(), input: jsonSchema.optional() }).parse(input);
  const id = wanted.pipeline_id;
  // Who belongs to several organizations has pipelines elsewhere: not for this conversation.
  const pipeline = await unwrap(
    database.from("pipelines").select("id").eq("id", id).eq("organization_id", organizationId)
      .abortSignal(limited()).maybeSingle(),
  );
  if (!pipeline) throw missing("pipeline", id);
  const run = await unwrap(
    database.rpc("start_run", {
      pipeline_id: id,
      request: wanted.input === undefined ? {} : { input: wanted.input },
      idempotency_key: callId && `tool:${callId}`,
    }).abortSignal(limited()),
  );
  wakeWorker();
  return { run_id: run.id, pipeline_id: id, status: run.status };
}

const runSchema = z.looseObject({
  id: z.string(),
  organization_id: z.string(),
  pipeline_id: z.string(),
  status: z.string(),
  output: jsonSchema.nullish(),
  error: jsonSchema.nullish(),
  started_at: z.string().nullable(),
  finished_at: z.string().nullable(),
  steps: z.array(z.looseObject({
    name: z.string(),
    status: z.string(),
    error: jsonSchema.nullish(),
  })),
});

async function getRun(input: unknown, context: ToolContext): Promise<Json> {
  require(context, "pipelines:read");
  const wanted = z.object({ run_id: z.uuid() }).parse(input);
  const run = runSchema.parse(
    await unwrap(context.database.rpc("get_run", wanted).abortSignal(limited())),
  );
  if (run.organization_id !== context.organizationId) throw missing("run", wanted.run_id);
  // What a model can use: the steps' outputs are parts of the way to the run's own.
  return {
    run_id: run.id,
    pipeline_id: run.pipeline_id,
    status: run.status,
    output: run.output ?? null,
    error: run.error ?? null,
    started_at: run.started_at,
    finished_at: run.finished_at,
    steps: run.steps.map(({ name, status, error }) => ({ name, status, error: error ?? null })),
  };
}

/** What the built-in tools do, all as the caller. The database holds what a model is told of them. */
export const BUILT_IN: Readonly<
  Record<string, (input: unknown, context: ToolContext) => Promise<Json>>
> = {
  search_documents: searchDocuments,
  run_pipeline: runPipeline,
  get_run: getRun,
};
