import { unwrap } from "@shared/database.ts";
import { createResource } from "@shared/resource.ts";
import { createRoute, Reply } from "@shared/route.ts";
import { z } from "zod";
import {
  branchSchema,
  codeRepoSchema,
  entityShape,
  entityTypeSchema,
  repoUrlSchema,
} from "../catalog_schemas.ts";

/** Where the code of blocks and edges is kept. */

const createCodeRepo = createRoute({
  method: "post",
  path: "/repos",
  auth: "user",
  scope: "pipelines:write",
  operationId: "create_code_repo",
  summary: "Add a code repository",
  description: "Links a block or an edge to the repository and branch of its code.",
  body: z.strictObject({
    ...entityShape,
    repo_url: repoUrlSchema,
    branch: branchSchema.optional().describe("`main` unless told."),
  }),
  example: {
    entity_type: "block",
    entity_id: "0b5f7a52-4b1e-4a0e-9a52-2f6a3ad0a001",
    repo_url: "https://github.com/acme/weather",
  },
  answers: { 201: { description: "The new code repository.", schema: codeRepoSchema } },
  errors: ["organization_required", "not_found", "conflict"],
}, async ({ body, database, organizationId }) => {
  const values = { ...body, organization_id: await organizationId() };
  const row = codeRepoSchema.parse(
    await unwrap(database.from("code_repos").insert(values).select().single()),
  );
  return new Reply(row, { location: `repos/${row.id}` });
});

export const codeRepos = [
  createCodeRepo,
  ...createResource({
    domain: "pipelines",
    name: "code repo",
    table: "code_repos",
    path: "/repos",
    item: codeRepoSchema,
    select: Object.keys(codeRepoSchema.shape).join(","),
    inOrganization: true,
    filters: z.object({
      entity_type: entityTypeSchema.optional(),
      entity_id: entityShape.entity_id.optional(),
    }),
    update: {
      body: z.strictObject({
        repo_url: repoUrlSchema.optional(),
        branch: branchSchema.optional().describe("Of another one, no push is known yet."),
      }),
      example: { branch: "release" },
    },
    operations: ["list", "get", "update", "delete"],
  }),
];
