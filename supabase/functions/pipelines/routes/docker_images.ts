import { unwrap } from "@shared/database.ts";
import { createResource } from "@shared/resource.ts";
import { createRoute, Reply } from "@shared/route.ts";
import { z } from "zod";
import {
  buildStatusSchema,
  dockerImageSchema,
  dockerImageSummarySchema,
  entityShape,
  entityTypeSchema,
  imageNameSchema,
  imageTagSchema,
  registryUrlSchema,
} from "../catalog_schemas.ts";

/** The images that blocks and edges run in. What was built is told by their hook. */

const common = {
  domain: "pipelines",
  name: "docker image",
  table: "docker_images",
  path: "/images",
} as const;

const createDockerImage = createRoute({
  method: "post",
  path: "/images",
  auth: "user",
  scope: "pipelines:write",
  operationId: "create_docker_image",
  summary: "Add a docker image",
  description: "Links a block or an edge to the image that it runs in.",
  body: z.strictObject({
    ...entityShape,
    registry_url: registryUrlSchema.optional().describe("`https://docker.io` unless told."),
    name: imageNameSchema,
    image_tag: imageTagSchema.optional().describe("`latest` unless told."),
  }),
  example: {
    entity_type: "block",
    entity_id: "0b5f7a52-4b1e-4a0e-9a52-2f6a3ad0a001",
    registry_url: "https://ghcr.io",
    name: "acme/weather",
    image_tag: "v1.0.0",
  },
  answers: { 201: { description: "The new docker image.", schema: dockerImageSchema } },
  errors: ["organization_required", "not_found", "conflict"],
}, async ({ body, database, organizationId }) => {
  const values = { ...body, organization_id: await organizationId() };
  const row = dockerImageSchema.parse(
    await unwrap(database.from("docker_images").insert(values).select().single()),
  );
  return new Reply(row, { location: `images/${row.id}` });
});

export const dockerImages = [
  createDockerImage,
  ...createResource({
    ...common,
    item: dockerImageSummarySchema,
    select: Object.keys(dockerImageSummarySchema.shape).join(","),
    inOrganization: true,
    filters: z.object({
      entity_type: entityTypeSchema.optional(),
      entity_id: entityShape.entity_id.optional(),
      build_status: buildStatusSchema.optional(),
    }),
    operations: ["list"],
  }),
  ...createResource({
    ...common,
    item: dockerImageSchema,
    select: Object.keys(dockerImageSchema.shape).join(","),
    update: {
      body: z.strictObject({
        registry_url: registryUrlSchema.optional(),
        name: imageNameSchema.optional(),
        image_tag: imageTagSchema.optional().describe("Of another one, no build is known yet."),
      }),
      example: { image_tag: "v1.0.1" },
    },
    operations: ["get", "update", "delete"],
  }),
];
