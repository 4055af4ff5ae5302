import { unwrap } from "@shared/database.ts";
import { pageOf, pageQuerySchema, paginate, toPage } from "@shared/page.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { findSchema } from "../catalog_schemas.ts";
import { embedQuery } from "../query_meaning.ts";

export const search = createRoute({
  method: "get",
  path: "/search",
  auth: "user",
  scope: "pipelines:read",
  operationId: "search_registry",
  summary: "Search blocks and edges",
  description:
    "Finds blocks and edges by the words of their names and descriptions (also in another form) and by names " +
    "that are nearly right and, where a model embeds them, by their meaning, best first. What stands high in several of these ways comes first.",
  query: pageQuerySchema.extend({
    q: z.string().trim().min(1).max(200).describe("What to look for.").meta({
      examples: ["weather"],
    }),
    category: z.string().trim().min(1).max(200).optional().describe(
      "Only blocks of this category, by its id or name, and of those below it.",
    ),
    type: z.enum(["block", "edge", "dataset", "model"]).optional(),
  }),
  answers: { 200: { description: "A page of finds.", schema: pageOf(findSchema) } },
  errors: ["organization_required", "invalid_cursor", "not_found"],
}, async (context) => {
  const { query, database, organizationId } = context;
  const { limit, cursor, ...wanted } = query;
  const organization_id = await organizationId();
  const meaning = await embedQuery(context, organization_id, wanted.q);
  const finds = database.rpc("search_registry", { ...wanted, ...meaning, organization_id });
  const rows = await unwrap(paginate(finds, { limit, cursor }, "score"));
  return toPage(rows, limit, (row) => [String(row.score), row.id]);
});
