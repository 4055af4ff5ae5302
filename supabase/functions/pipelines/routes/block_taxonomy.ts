import { unwrap } from "@shared/database.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { blockTaxonomySchema } from "../catalog_schemas.ts";

const params = z.object({ block_id: z.uuid() });
const answers = { 200: { description: "The block's categories.", schema: blockTaxonomySchema } };

const getBlockTaxonomy = createRoute({
  method: "get",
  path: "/blocks/{block_id}/taxonomy",
  auth: "user",
  scope: "pipelines:read",
  operationId: "get_block_taxonomy",
  summary: "Get a block's categories",
  description: "The categories that the block is in, each with its path from the top.",
  params,
  answers,
}, async ({ params, database }) => {
  const data = await unwrap(database.rpc("get_block_taxonomy", params));
  return { data, next_cursor: null };
});

const setBlockTaxonomy = createRoute({
  method: "put",
  path: "/blocks/{block_id}/taxonomy",
  auth: "user",
  scope: "pipelines:write",
  operationId: "set_block_taxonomy",
  summary: "Set a block's categories",
  description: "Puts the block into these categories and takes it out of all others.",
  params,
  body: z.strictObject({
    category_ids: z.array(z.uuid()).max(100).describe("Ids of categories; none to leave all."),
  }),
  example: { category_ids: ["0b5f7a52-4b1e-4a0e-9a52-2f6a3ad0c001"] },
  answers,
}, async ({ params, body, database }) => {
  const data = await unwrap(database.rpc("set_block_taxonomy", { ...params, ...body }));
  return { data, next_cursor: null };
});

export const blockTaxonomy = [getBlockTaxonomy, setBlockTaxonomy];
