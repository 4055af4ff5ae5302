import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { jsonSchema } from "@shared/json.ts";
import { describeError, log } from "@shared/log.ts";
import { z } from "zod";
import { persistently } from "../report_results.ts";
import { DagsterSilence } from "./api.ts";
import type { ClaimedRun, Report } from "./claim.ts";
import { connectionOf, dagsterConfigSchema } from "./config.ts";
import { follow } from "./follow.ts";
import { launch } from "./launch.ts";

/** How long a run waits for a Dagster that is down. */
const SILENCE_SECONDS = 3 * 24 * 3600;
/** All requests of a look, which is to be over before its claim is. */
const LOOK_MS = 45_000;

const acceptedSchema = z.object({ accepted: z.boolean() });

/** One look at a run on Dagster, and its record. Never throws: what is not recorded is looked at again. */
export async function lookAt(database: DatabaseClient, run: ClaimedRun): Promise<void> {
  const { run_id, poll } = run;
  const record = async (content: Report) => {
    // One id for all tries: the answer to one that was taken may be lost.
    const report = jsonSchema.parse({ ...content, id: crypto.randomUUID() });
    const send = () => unwrap(database.rpc("record_dagster_run", { run_id, poll, report }));
    return acceptedSchema.parse(await persistently(send)).accepted;
  };
  try {
    const report = await look(run, record).catch((error) => {
      if (!(error instanceof DagsterSilence)) throw error;
      return { waiting: toFault(run, error), patience_seconds: SILENCE_SECONDS };
    });
    await record(report);
  } catch (error) {
    log("error", { dagster_run: run_id, error: describeError(error) });
  }
}

/** What is told of it: where the deployment's Dagster is, and how it ails, is for the operator's log. */
export function toFault(
  { run_id, config }: ClaimedRun,
  { code, message, toOthers }: DagsterSilence,
) {
  if (config.url !== undefined) return { code, message };
  log("error", { dagster_run: run_id, error: message });
  return { code, message: toOthers };
}

async function look(run: ClaimedRun, record: Parameters<typeof launch>[3]): Promise<Report> {
  const config = dagsterConfigSchema.safeParse(run.config);
  if (!config.success) {
    const message = `dagster_pipeline_config is not valid: ${z.prettifyError(config.error)}`;
    return { outcome: "failed", error: { code: "dagster_config_invalid", message } };
  }
  const at = connectionOf(config.data, run.deployment);
  if (!at) {
    const message = "The deployment's Dagster was disconnected: PUT /pipelines/dagster";
    return {
      waiting: { code: "executor_not_configured", message },
      patience_seconds: SILENCE_SECONDS,
    };
  }
  const bounded = { ...at, signal: AbortSignal.timeout(LOOK_MS) };
  return run.external_id === null
    ? await launch(run, config.data, bounded, record)
    : await follow(run, bounded, run.external_id);
}
