import { unwrap } from "@shared/database.ts";
import { decodeCursor, pageOf, pageQuerySchema, toPage } from "@shared/page.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import {
  accessSchema,
  approvalSchema,
  assistantSchema,
  filtersSchema,
  statusSchema,
} from "../assistants/schemas.ts";

const page = { description: "A page of assistants.", schema: pageOf(assistantSchema) };

/** Where a page begins, and one row more than it holds: that says that there is a next page. */
function placeOf(cursor: string | undefined, limit: number) {
  const [after_created_at, after_id] = cursor === undefined ? [] : decodeCursor(cursor);
  return { after_created_at, after_id, max_rows: limit + 1 };
}

const toAssistants = (rows: unknown, limit: number) =>
  toPage(
    z.array(assistantSchema).parse(rows),
    limit,
    ({ created_at, id }) => [created_at, id],
  );

export const listAssistants = createRoute({
  method: "get",
  path: "/assistants",
  auth: "user",
  scope: "llm-assistant:read",
  operationId: "list_assistants",
  summary: "List assistants",
  description: "The organization's assistants that you may see, newest first.",
  query: pageQuerySchema.extend({
    ...filtersSchema.shape,
    team_id: z.uuid().optional(),
    creator_id: z.uuid().optional(),
    status: statusSchema.optional(),
    approval_status: approvalSchema.optional(),
    access_level: accessSchema.optional(),
  }),
  answers: { 200: page },
  errors: ["organization_required", "invalid_cursor"],
}, async ({ query: { limit, cursor, ...filters }, database, organizationId }) => {
  const rows = database.rpc("list_assistants", {
    organization_id: await organizationId(),
    filters,
    ...placeOf(cursor, limit),
  });
  return toAssistants(await unwrap(rows), limit);
});

export const listPublicAssistants = createRoute({
  method: "get",
  path: "/assistants/public",
  auth: "user",
  scope: "llm-assistant:read",
  operationId: "list_public_assistants",
  summary: "List public assistants",
  description: "Assistants that any organization has opened to all, approved and active, newest " +
    "first. Prompt, settings and costs are their organization's to know.",
  query: pageQuerySchema.extend(filtersSchema.shape),
  answers: { 200: page },
  errors: ["invalid_cursor"],
}, async ({ query: { limit, cursor, ...filters }, database }) => {
  const rows = database.rpc("list_public_assistants", { filters, ...placeOf(cursor, limit) });
  return toAssistants(await unwrap(rows), limit);
});
