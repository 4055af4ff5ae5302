import { unwrap } from "@shared/database.ts";
import { createRoute, Reply } from "@shared/route.ts";
import { z } from "zod";
import { checkSchemas } from "../check_schemas.ts";
import { blockSchema, descriptionSchema, metadataSchema, nameSchema } from "../schemas.ts";
import { datasetSpecSchema, modelSpecSchema } from "../specs.ts";

const common = {
  name: nameSchema,
  description: descriptionSchema.optional(),
  metadata: metadataSchema.optional(),
};

const bodySchema = z.discriminatedUnion("block_type", [
  z.strictObject({ ...common, block_type: z.literal("dataset"), spec: datasetSpecSchema }),
  z.strictObject({ ...common, block_type: z.literal("model"), spec: modelSpecSchema }),
]);

const rowSchema = z.looseObject({ id: z.string(), revision: z.number() });

export const createBlock = createRoute({
  method: "post",
  path: "/blocks",
  auth: "user",
  scope: "pipelines:write",
  operationId: "create_block",
  summary: "Create a block",
  description: "Adds a block together with its version 1.",
  body: bodySchema,
  example: {
    name: "seattle weather",
    block_type: "dataset",
    spec: { kind: "inline", rows: [{ date: "2012-01-01", weather: "drizzle" }] },
  },
  answers: { 201: { description: "The block with its current version.", schema: blockSchema } },
  errors: ["organization_required", "conflict"],
}, async ({ body, database, organizationId }) => {
  const { description, ...block } = body;
  await checkSchemas(body.spec);
  const row = rowSchema.parse(
    await unwrap(database.rpc("create_block", {
      ...block,
      ...(description === null ? {} : { description }),
      organization_id: await organizationId(),
    })),
  );
  return new Reply(row, { revision: row.revision, location: `blocks/${row.id}` });
});
