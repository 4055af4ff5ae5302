import { createApp } from "@shared/app.ts";
import { getLog } from "./routes/get_log.ts";
import { listLogs } from "./routes/list_logs.ts";

/** What the audit function answers. */
export const app = createApp("audit", "Who did what, when, and what changed.", [listLogs, getLog]);
