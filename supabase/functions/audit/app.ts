import type { Api } from "@shared/app.ts";
import { getLog } from "./routes/get_log.ts";
import { listLogs } from "./routes/list_logs.ts";

/** What the audit function answers. */
export const api: Api = {
  description: "Who did what, when, and what changed.",
  routes: [listLogs, getLog],
};
