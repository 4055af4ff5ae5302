import { unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { pageOf, pageQuerySchema, paginate, toPage } from "@shared/page.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { verificationSchema } from "../schemas.ts";

export const listVerifications = createRoute({
  method: "get",
  path: "/edges/{edge_id}/verifications",
  auth: "user",
  scope: "pipelines:read",
  operationId: "list_edge_verifications",
  summary: "List an edge's verifications",
  description: "Verifications of all versions of the edge, newest first.",
  params: z.object({ edge_id: z.uuid() }),
  query: pageQuerySchema,
  answers: { 200: { description: "A page of verifications.", schema: pageOf(verificationSchema) } },
  errors: ["invalid_cursor"],
}, async ({ params, query, database }) => {
  const { edge_id } = params;
  const select = database.from("edge_verifications").select(
    "*,version:edge_versions!inner(edge_id)",
  )
    .eq("version.edge_id", edge_id);
  const rows = await unwrap(paginate(select, query));
  if (rows.length === 0) {
    const edge = await unwrap(database.from("edges").select("id").eq("id", edge_id).maybeSingle());
    if (!edge) throw new ApiError("not_found", `No edge with id ${edge_id}`);
  }
  const page = toPage(rows, query.limit, (row) => [row.created_at, row.id]);
  return { ...page, data: page.data.map(({ version: _, ...row }) => row) };
});
