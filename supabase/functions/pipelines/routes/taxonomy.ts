import { unwrap } from "@shared/database.ts";
import { createResource } from "@shared/resource.ts";
import { createRoute, Reply } from "@shared/route.ts";
import { z } from "zod";
import { categoryNameSchema, categorySchema, categoryTreeSchema } from "../catalog_schemas.ts";
import { descriptionSchema } from "../schemas.ts";

/** The tree that an organization sorts its blocks into. */

const parentSchema = z.uuid().nullable().describe("The category above; null for the top.");

const rowSchema = categorySchema.extend({ block_count: z.int() });

type Row = z.infer<typeof rowSchema>;
type Tree = Row & { children: Tree[] };

function toTree(rows: readonly Row[]): Tree[] {
  const nodes = new Map(rows.map((row): [string, Tree] => [row.id, { ...row, children: [] }]));
  const roots: Tree[] = [];
  for (const node of nodes.values()) {
    const siblings = node.parent_id ? nodes.get(node.parent_id)?.children : roots;
    siblings?.push(node);
  }
  return roots;
}

const getTaxonomy = createRoute({
  method: "get",
  path: "/taxonomy",
  auth: "user",
  scope: "pipelines:read",
  operationId: "get_taxonomy",
  summary: "Get the taxonomy",
  description: "The organization's categories as a tree, whole, by name.",
  answers: {
    200: {
      description: "The categories at the top, with what is below them.",
      schema: z.object({
        data: z.array(categoryTreeSchema),
        next_cursor: z.null().describe("The tree comes whole."),
      }),
    },
  },
  errors: ["organization_required"],
}, async ({ database, organizationId }) => {
  const rows = await unwrap(
    database.rpc("list_taxonomy", { organization_id: await organizationId() }),
  );
  return { data: toTree(z.array(rowSchema).parse(rows)), next_cursor: null };
});

const createCategory = createRoute({
  method: "post",
  path: "/taxonomy",
  auth: "user",
  scope: "pipelines:write",
  operationId: "create_taxonomy_category",
  summary: "Create a category",
  description: "Adds a category, at the top or below another one.",
  body: z.strictObject({
    name: categoryNameSchema,
    description: descriptionSchema.optional(),
    parent_id: parentSchema.optional(),
  }),
  example: { name: "Weather" },
  answers: { 201: { description: "The new category.", schema: categorySchema } },
  errors: ["organization_required", "not_found", "conflict"],
}, async ({ body, database, organizationId }) => {
  const values = { ...body, organization_id: await organizationId() };
  const row = await unwrap(database.from("taxonomy_categories").insert(values).select().single());
  return new Reply(row, { location: `taxonomy/${row.id}` });
});

export const taxonomy = [
  getTaxonomy,
  createCategory,
  ...createResource({
    domain: "pipelines",
    name: "taxonomy category",
    table: "taxonomy_categories",
    path: "/taxonomy",
    item: categorySchema,
    select: "*",
    update: {
      body: z.strictObject({
        name: categoryNameSchema.optional(),
        description: descriptionSchema.optional(),
        parent_id: parentSchema.optional().describe("To change it is to move the whole subtree."),
      }),
      example: { name: "Weather and climate" },
    },
    errors: ["cycle"],
    operations: ["get", "update", "delete"],
  }),
];
