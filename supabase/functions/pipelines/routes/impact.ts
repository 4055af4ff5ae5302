import { unwrap } from "@shared/database.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { impactSchema } from "../catalog_schemas.ts";
import { entities, entityIdSchema } from "../entities.ts";

export const impact = entities.map(({ type, path, noun }) =>
  createRoute({
    method: "get",
    path: `${path}/impact`,
    auth: "user",
    scope: "pipelines:read",
    operationId: `get_${type}_impact`,
    summary: `See what depends on ${noun}`,
    description:
      "All that a change can reach: blocks and edges that it feeds in pipelines or that declare to depend on it, " +
      "further down the same way, the pipelines that these are in, and what starts those.",
    params: entityIdSchema,
    query: z.object({
      depth: z.coerce.number().int().min(1).max(1000).default(100).describe("Steps to follow."),
    }),
    answers: { 200: { description: "What depends on it.", schema: impactSchema } },
  }, async ({ params, query, database }) =>
    await unwrap(
      database.rpc("get_impact", {
        entity_type: type,
        entity_id: params.id,
        max_depth: query.depth,
      }),
    ))
);
