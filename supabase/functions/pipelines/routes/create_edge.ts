import { unwrap } from "@shared/database.ts";
import { createRoute, Reply } from "@shared/route.ts";
import { z } from "zod";
import { checkSchemas } from "../check_schemas.ts";
import { descriptionSchema, edgeSchema, metadataSchema, nameSchema } from "../schemas.ts";
import { edgeSpecSchema } from "../specs.ts";

const rowSchema = z.looseObject({ id: z.string(), revision: z.number() });

export const createEdge = createRoute({
  method: "post",
  path: "/edges",
  auth: "user",
  scope: "pipelines:write",
  operationId: "create_edge",
  summary: "Create an edge",
  description:
    "Adds an edge together with its version 1. It enters runs once that version has passed verification.",
  body: z.strictObject({
    name: nameSchema,
    description: descriptionSchema.optional(),
    metadata: metadataSchema.optional(),
    spec: edgeSpecSchema,
  }),
  example: {
    name: "rainy days",
    spec: {
      kind: "jsonata",
      expression: "[input[weather = 'rain']]",
      tests: [{
        name: "keeps rain",
        input: [{ weather: "rain" }, { weather: "sun" }],
        expect: [{ weather: "rain" }],
      }],
    },
  },
  answers: { 201: { description: "The edge with its current version.", schema: edgeSchema } },
  errors: ["organization_required", "conflict"],
}, async ({ body, database, organizationId }) => {
  const { description, ...edge } = body;
  await checkSchemas(body.spec);
  const row = rowSchema.parse(
    await unwrap(database.rpc("create_edge", {
      ...edge,
      ...(description === null ? {} : { description }),
      organization_id: await organizationId(),
    })),
  );
  return new Reply(row, { revision: row.revision, location: `edges/${row.id}` });
});
