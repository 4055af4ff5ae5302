import { connect, unwrap } from "@shared/database.ts";
import { describeError, log } from "@shared/log.ts";
import { z } from "zod";
import { claimedRunSchema } from "./claim.ts";
import { lookAt } from "./look.ts";

/** Runs looked at side by side. */
const CONCURRENCY = 8;
/** What one worker looks at, at most: each look costs computing time, of which the platform allows 2 s. */
const MAX_LOOKS = 100;
/** A worker stops claiming after this; a look that has begun may take a minute more. */
const WALL_MS = 40_000;

const claimsSchema = z.array(claimedRunSchema);

/** What was done; `more` asks for a successor. */
export type DagsterReport = { looked: number; more: boolean };

/**
 * Looks at the runs on Dagster whose turn it is, and again at those whose turn comes meanwhile. Never
 * throws: a run that is not looked at now is due still.
 */
export async function followDagster(): Promise<DagsterReport> {
  const database = connect({ kind: "service" });
  const deadline = performance.now() + WALL_MS;
  const report: DagsterReport = { looked: 0, more: false };
  try {
    while (true) {
      const runs = claimsSchema.parse(
        await unwrap(database.rpc("claim_dagster_runs", { max_runs: CONCURRENCY })),
      );
      if (runs.length === 0) return report;
      report.looked += runs.length;
      await Promise.all(runs.map((run) => lookAt(database, run)));
      if (report.looked >= MAX_LOOKS || performance.now() > deadline) {
        return { ...report, more: true };
      }
    }
  } catch (error) {
    log("error", { dagster: "not followed", error: describeError(error) });
    return report;
  }
}
