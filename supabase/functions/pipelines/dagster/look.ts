import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { jsonSchema } from "@shared/json.ts";
import { describeError, log } from "@shared/log.ts";
import { z } from "zod";
import { persistently } from "../worker.ts";
import { DagsterSilence } from "./api.ts";
import type { ClaimedRun, Report } from "./claim.ts";
import { connectionOf, dagsterConfigSchema } from "./config.ts";
import { follow } from "./follow.ts";
import { launch } from "./launch.ts";

/** How long a run waits for a Dagster that is down. */
const SILENCE_SECONDS = 3 * 24 * 3600;

const acceptedSchema = z.object({ accepted: z.boolean(), is_canceling: z.boolean() });

/** One look at a run on Dagster, and its record. Never throws: what is not recorded is looked at again. */
export async function lookAt(database: DatabaseClient, run: ClaimedRun): Promise<void> {
  const { run_id, poll } = run;
  const record = async (report: Report) =>
    acceptedSchema.parse(
      await persistently(() =>
        unwrap(
          database.rpc("record_dagster_run", { run_id, poll, report: jsonSchema.parse(report) }),
        )
      ),
    );
  try {
    const report = await look(run, record).catch((error) => {
      if (!(error instanceof DagsterSilence)) throw error;
      const waiting = { code: error.code, message: error.message };
      return { waiting, patience_seconds: SILENCE_SECONDS };
    });
    await record(report);
  } catch (error) {
    log("error", { dagster_run: run_id, error: describeError(error) });
  }
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
  return run.external_id === null
    ? await launch(run, config.data, at, record)
    : await follow(run, at, run.external_id);
}
