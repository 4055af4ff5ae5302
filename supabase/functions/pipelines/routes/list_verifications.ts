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
  const edge = await unwrap(
    database.from("edges").select(
      "versions:edge_versions!edge_versions_edge_id_organization_id_fkey(id)",
    )
      .eq("id", params.edge_id).maybeSingle(),
  );
  if (!edge) throw new ApiError("not_found", `No edge with id ${params.edge_id}`);
  const versionIds = edge.versions.map((version) => version.id);
  const rows = await unwrap(
    paginate(database.from("edge_verifications").select().in("edge_version_id", versionIds), query),
  );
  return toPage(rows, query.limit, (row) => [row.created_at, row.id]);
});
