import { unwrap } from "@shared/database.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { csv } from "../export/csv.ts";
import { ndjson } from "../export/ndjson.ts";
import { ocsf } from "../export/ocsf.ts";
import { type ReadPage, streamLog } from "../export/stream.ts";
import { logFiltersSchema, searchLogs } from "../filters.ts";

const FORMATS = { csv, ndjson, ocsf };

export const exportLogs = createRoute({
  method: "get",
  path: "/export",
  auth: "user",
  scope: "audit:read",
  operationId: "export_audit_logs",
  summary: "Export audit logs",
  description:
    "The organization's log as a file, oldest first, up to the moment the export starts: CSV (safe to open in a " +
    "spreadsheet), a row of JSON a line, or an OCSF event a line (1.8.0, class 3004 Entity Management). Admins " +
    "export all of it, members their own actions. Exporting is logged. An export that breaks off ends with a " +
    "broken connection; go on with `from` set to the last row's `occurred_at`, leaving out the ids you have.",
  query: logFiltersSchema.extend({
    format: z.enum(["csv", "ndjson", "ocsf"]).describe("How rows are written."),
  }),
  answers: {
    200: {
      description: "The rows, streamed. `content-disposition` names the file.",
      content: {
        "text/csv": { example: "id,organization_id,actor_id,…\n0b0f3a4e-…,5d3c…,9a41…,…\n" },
        "application/x-ndjson": { example: '{"id":"0b0f3a4e-…","action_type":"CREATE",…}\n' },
      },
    },
  },
  errors: ["organization_required"],
}, async ({ query, database, reconnect, organizationId, requestId }) => {
  const { format: name, ...filters } = query;
  const format = FORMATS[name];
  const organization_id = await organizationId();
  await unwrap(database.rpc("log_audit_read", { organization_id, filters: query }));
  // What happens meanwhile stays out: the export could run after it for ever.
  const started = new Date().toISOString();
  const to = filters.to && Date.parse(filters.to) < Date.parse(started) ? filters.to : started;

  const read: ReadPage = async ({ after, ...page }) =>
    searchLogs(after ? await reconnect() : database, {
      organization_id,
      filters: { ...filters, to },
      after: after && { occurred_at: after.occurred_at, id: after.id },
      oldest_first: true,
      ...page,
    });
  const file = `audit-${organization_id}-${started.slice(0, 10)}.${format.extension}`;
  return new Response(await streamLog(read, format, requestId), {
    headers: {
      "content-type": format.contentType,
      "content-disposition": `attachment; filename="${file}"`,
      "cache-control": "no-store",
    },
  });
});
