import { type DatabaseClient, unwrap } from "@shared/database.ts";
import type { TablesInsert } from "@shared/database.types.ts";
import { ApiError } from "@shared/errors.ts";
import { pageOf, pageQuerySchema, paginate, toPage } from "@shared/page.ts";
import { createRoute, Reply } from "@shared/route.ts";
import { z } from "zod";
import { dependencySchema, entityTypeSchema, knownDependencySchema } from "../catalog_schemas.ts";
import { entities, type Entity, entityIdSchema } from "../entities.ts";

/** What blocks and edges depend on: declared here, or derived from pipelines and only shown. */

const detail = {
  dependency_detail: z.string().max(10_000).nullable().optional().describe("Why, for people."),
};

const bodySchema = z.discriminatedUnion("dependency_type", [
  z.strictObject({
    ...detail,
    dependency_type: z.literal("internal").describe("Another block or edge of the organization."),
    depends_on_type: entityTypeSchema,
    depends_on_id: z.uuid(),
  }),
  z.strictObject({
    ...detail,
    dependency_type: z.literal("external").describe("A package from elsewhere."),
    package_name: z.string().regex(/^\S{1,214}$/),
    package_version: z.string().trim().min(1).max(100).optional(),
  }),
]);

async function requireEntity(database: DatabaseClient, { type }: Entity, id: string) {
  const row = await unwrap(database.from(`${type}s`).select("id").eq("id", id).maybeSingle());
  if (!row) throw new ApiError("not_found", `No ${type} with id ${id}`);
}

const listDependencies = (entity: Entity) =>
  createRoute({
    method: "get",
    path: `${entity.path}/dependencies`,
    auth: "user",
    scope: "pipelines:read",
    operationId: `list_${entity.type}_dependencies`,
    summary: `List what ${entity.noun} depends on`,
    description: `What it declares to depend on, and what pipelines feed it with. Newest first.`,
    params: entityIdSchema,
    query: pageQuerySchema.extend({ source: knownDependencySchema.shape.source.optional() }),
    answers: {
      200: { description: "A page of dependencies.", schema: pageOf(knownDependencySchema) },
    },
    errors: ["invalid_cursor"],
  }, async ({ params, query, database }) => {
    const { limit, cursor, source } = query;
    let select = database.from("entity_dependencies").select()
      .eq("entity_type", entity.type).eq("entity_id", params.id);
    if (source) select = select.eq("source", source);
    const rows = z.array(knownDependencySchema).parse(
      await unwrap(paginate(select, { limit, cursor })),
    );
    if (rows.length === 0) await requireEntity(database, entity, params.id);
    return toPage(rows, limit, ({ created_at, id }) => [created_at, id]);
  });

const createDependency = (entity: Entity) =>
  createRoute({
    method: "post",
    path: `${entity.path}/dependencies`,
    auth: "user",
    scope: "pipelines:write",
    operationId: `create_${entity.type}_dependency`,
    summary: `Declare what ${entity.noun} depends on`,
    description:
      "Another block or edge, which can't be removed as long as it is depended on, or a package.",
    params: entityIdSchema,
    body: bodySchema,
    example: {
      dependency_type: "external",
      package_name: "scikit-learn",
      package_version: "1.5.2",
    },
    answers: { 201: { description: "The new dependency.", schema: dependencySchema } },
    errors: ["conflict"],
  }, async ({ params, body, database }) => {
    const values: TablesInsert<"dependencies"> = {
      ...body,
      entity_type: entity.type,
      entity_id: params.id,
    };
    const row = dependencySchema.parse(
      await unwrap(database.from("dependencies").insert(values).select().single()),
    );
    return new Reply(row, { location: `${entity.type}s/${params.id}/dependencies/${row.id}` });
  });

const oneIdSchema = entityIdSchema.extend({ dependency_id: z.uuid() });

const deleteDependency = (entity: Entity) =>
  createRoute({
    method: "delete",
    path: `${entity.path}/dependencies/{dependency_id}`,
    auth: "user",
    scope: "pipelines:write",
    operationId: `delete_${entity.type}_dependency`,
    summary: `Take back what ${entity.noun} depends on`,
    description:
      "Removes a declared dependency. A derived one goes with its arrow in the pipeline.",
    params: oneIdSchema,
    answers: { 204: { description: "Gone." } },
  }, async ({ params, database }) => {
    const rows = await unwrap(
      database.from("dependencies").delete().eq("id", params.dependency_id)
        .eq("entity_type", entity.type).eq("entity_id", params.id).select("id"),
    );
    if (rows.length > 0) return undefined;
    throw new ApiError("not_found", `No dependency with id ${params.dependency_id}`);
  });

export const dependencies = entities.flatMap((entity) => [
  listDependencies(entity),
  createDependency(entity),
  deleteDependency(entity),
]);
