import type { Api } from "@shared/app.ts";
import { exportLogs } from "./routes/export_logs.ts";
import { getHistory } from "./routes/get_history.ts";
import { getLog } from "./routes/get_log.ts";
import { getStats } from "./routes/get_stats.ts";
import { latestSeal } from "./routes/latest_seal.ts";
import { listLogs } from "./routes/list_logs.ts";
import { verifyLogs } from "./routes/verify_logs.ts";

/** What the audit function answers. */
export const api: Api = {
  description: "Who did what, when, and what changed.",
  routes: [listLogs, getLog, exportLogs, getHistory, getStats, latestSeal, verifyLogs],
};
