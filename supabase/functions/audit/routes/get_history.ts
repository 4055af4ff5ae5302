import { unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { jsonSchema } from "@shared/json.ts";
import { pageQuerySchema, paginate, toPage } from "@shared/page.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { historySchema, timeSchema } from "../schemas.ts";

const detailsSchema = z.object({
  old: z.record(z.string(), jsonSchema).optional(),
  new: z.record(z.string(), jsonSchema).optional(),
  changed: z.array(z.string()).optional(),
});

export const getHistory = createRoute({
  method: "get",
  path: "/entities/{entity_type}/{entity_id}/history",
  auth: "user",
  scope: "audit:read",
  operationId: "get_entity_history",
  summary: "Get an entity's history",
  description:
    "Each change with its diff, newest first; with `at` only those up to that time, and the state that the entity had " +
    "then. Members see their own changes; the state is for admins, because it takes all changes to tell it.",
  params: z.object({
    entity_type: z.string().regex(/^[a-z_]{1,100}$/).describe("block, pipeline_run …"),
    entity_id: z.uuid(),
  }),
  query: pageQuerySchema.extend({
    at: timeSchema.optional().describe("ISO 8601. Give the state at this time, too."),
  }),
  answers: { 200: { description: "A page of changes.", schema: historySchema } },
  errors: ["organization_required", "invalid_cursor"],
}, async ({ params, query: { at, ...page }, database, organizationId }) => {
  const organization_id = await organizationId();
  const changes = () =>
    database.from("audit_logs").select().match({ organization_id, ...params })
      .neq("action_type", "READ");
  await unwrap(database.rpc("log_audit_read", {
    organization_id,
    filters: { ...params, at },
    minimum_role: at ? "admin" : "member",
  }));
  const upTo = (time: string) => changes().lte("occurred_at", time);
  const [rows, [before], [after], [any]] = await Promise.all([
    unwrap(paginate(at ? upTo(at) : changes(), page, "occurred_at")),
    at ? unwrap(paginate(upTo(at), { limit: 0 }, "occurred_at")) : [],
    at ? unwrap(changes().gt("occurred_at", at).order("occurred_at").order("id").limit(1)) : [],
    unwrap(changes().limit(1)),
  ]);
  if (!any) {
    const { entity_type, entity_id } = params;
    throw new ApiError("not_found", `The log has no ${entity_type} with id ${entity_id}`);
  }
  const { data, next_cursor } = toPage(rows, page.limit, (row) => [row.occurred_at, row.id]);
  return {
    data: data.map(({ details, ...row }) => ({ ...row, changes: diff(details) })),
    next_cursor,
    ...(at ? { state: before ? leftBy(before.details) : foundBy(after?.details, at) } : {}),
  };
});

/** The state after a change: null for what it removed. */
const leftBy = (details: unknown) => detailsSchema.parse(details).new ?? null;

/**
 * Where the log no longer reaches back to a time, the state is what the first change after it found:
 * null for what was yet to be.
 */
function foundBy(details: unknown, time: string) {
  const { old } = detailsSchema.parse(details ?? {});
  const made = typeof old?.created_at === "string" ? Date.parse(old.created_at) : -Infinity;
  return old && made <= Date.parse(time) ? old : null;
}

/** What became of each field: of all that there were, where the entity came or went. */
function diff(details: unknown) {
  const { old: before = {}, new: after = {}, changed } = detailsSchema.parse(details);
  return (changed ?? Object.keys({ ...before, ...after })).map((field) => ({
    field,
    old: before[field] ?? null,
    new: after[field] ?? null,
  }));
}
