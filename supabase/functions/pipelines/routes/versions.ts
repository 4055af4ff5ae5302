import { unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { fieldErrors } from "@shared/input.ts";
import { createResource } from "@shared/resource.ts";
import { createRoute, Reply } from "@shared/route.ts";
import { z } from "zod";
import { checkSchemas } from "../check_schemas.ts";
import {
  blockSchema,
  blockVersionSchema,
  edgeSchema,
  edgeVersionSchema,
  metadataSchema,
} from "../schemas.ts";
import { blockSpecSchema, edgeSpecSchema, specSchemaFor } from "../specs.ts";

/** Versions of blocks and of edges: listed, added, activated. A version itself never changes. */

const blockId = z.object({ block_id: z.uuid() });
const edgeId = z.object({ edge_id: z.uuid() });
const versionNumber = {
  version_number: z.coerce.number().int().min(1).max(2 ** 31 - 1).describe("1, 2, 3 …"),
};
const rowSchema = z.looseObject({ revision: z.number() });

const common = { domain: "pipelines", select: "*", operations: ["list"] } as const;
const adding = { method: "post", auth: "user", scope: "pipelines:write" } as const;
const addingText =
  "The new version is the current one from now on. A run that has started keeps its own.";
const activatingText =
  "Makes an earlier version the current one again, for runs that start from now on.";

const listBlockVersions = createResource({
  ...common,
  name: "block version",
  table: "block_versions",
  path: "/blocks/{block_id}/versions",
  parents: blockId,
  parentTable: "blocks",
  item: blockVersionSchema,
});

const listEdgeVersions = createResource({
  ...common,
  name: "edge version",
  table: "edge_versions",
  path: "/edges/{edge_id}/versions",
  parents: edgeId,
  parentTable: "edges",
  item: edgeVersionSchema,
});

const createBlockVersion = createRoute({
  ...adding,
  path: "/blocks/{block_id}/versions",
  operationId: "create_block_version",
  summary: "Add a version of a block",
  description: addingText,
  params: blockId,
  body: z.strictObject({ spec: blockSpecSchema, metadata: metadataSchema.optional() }),
  example: { spec: { kind: "inline", rows: [{ date: "2012-01-02", weather: "rain" }] } },
  answers: { 201: { description: "The new version.", schema: blockVersionSchema } },
}, async ({ params, body, database }) => {
  const block = await unwrap(
    database.from("blocks").select("block_type").eq("id", params.block_id).maybeSingle(),
  );
  if (!block) throw new ApiError("not_found", `No block with id ${params.block_id}`);
  const spec = specSchemaFor(block.block_type).safeParse(body.spec);
  if (!spec.success) {
    throw new ApiError("validation_failed", `The spec does not fit a ${block.block_type}`, {
      errors: fieldErrors(spec.error, ["spec"]),
    });
  }
  await checkSchemas(spec.data);
  const { id } = await unwrap(
    database.from("block_versions").insert({ ...params, ...body }).select("id").single(),
  );
  // Read again: the row returned by an insert is from before it became the active one.
  return await unwrap(database.from("block_versions").select().eq("id", id).single());
});

const createEdgeVersion = createRoute({
  ...adding,
  path: "/edges/{edge_id}/versions",
  operationId: "create_edge_version",
  summary: "Add a version of an edge",
  description: `${addingText} It has to pass verification before a run can use it.`,
  params: edgeId,
  body: z.strictObject({ spec: edgeSpecSchema, metadata: metadataSchema.optional() }),
  example: { spec: { kind: "identity" } },
  answers: { 201: { description: "The new version.", schema: edgeVersionSchema } },
}, async ({ params, body, database }) => {
  await checkSchemas(body.spec);
  const { id } = await unwrap(
    database.from("edge_versions").insert({ ...params, ...body }).select("id").single(),
  );
  return await unwrap(database.from("edge_versions").select().eq("id", id).single());
});

const activateBlockVersion = createRoute({
  ...adding,
  path: "/blocks/{block_id}/versions/{version_number}/activate",
  operationId: "activate_block_version",
  summary: "Activate a version of a block",
  description: activatingText,
  params: blockId.extend(versionNumber),
  answers: { 200: { description: "The block with its current version.", schema: blockSchema } },
}, async ({ params, database }) => {
  const row = rowSchema.parse(await unwrap(database.rpc("activate_block_version", params)));
  return new Reply(row, { revision: row.revision });
});

const activateEdgeVersion = createRoute({
  ...adding,
  path: "/edges/{edge_id}/versions/{version_number}/activate",
  operationId: "activate_edge_version",
  summary: "Activate a version of an edge",
  description: activatingText,
  params: edgeId.extend(versionNumber),
  answers: { 200: { description: "The edge with its current version.", schema: edgeSchema } },
}, async ({ params, database }) => {
  const row = rowSchema.parse(await unwrap(database.rpc("activate_edge_version", params)));
  return new Reply(row, { revision: row.revision });
});

export const versions = [
  ...listBlockVersions,
  ...listEdgeVersions,
  createBlockVersion,
  createEdgeVersion,
  activateBlockVersion,
  activateEdgeVersion,
];
