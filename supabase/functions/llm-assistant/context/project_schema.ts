import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { z } from "zod";

/** A project's schema, as far as a prompt needs it: what `get_project_schema` answers. */

const text = z.string().nullable();

const columnSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  data_type: z.string(),
  is_nullable: z.boolean(),
  is_primary_key: z.boolean(),
  is_unique: z.boolean(),
  default_value: text,
  max_length: z.int().nullable(),
  pattern: text,
  sample_values: z.array(text).nullable(),
  description: text,
  enhanced_description: text,
  business_rules: text,
  data_generation_rules: text,
  validation_rules: text,
});

const tableSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  description: text,
  enhanced_description: text,
  business_rules: text,
  domain_context: text,
  columns: z.array(columnSchema),
});

const projectSchema = z.object({
  project: z.object({
    id: z.uuid(),
    organization_id: z.uuid(),
    name: z.string(),
    description: text,
  }),
  tables: z.array(tableSchema),
  relationships: z.array(z.object({
    relationship_type: z.string(),
    source_table_id: z.uuid(),
    source_table: z.string(),
    source_column: z.string(),
    target_table_id: z.uuid(),
    target_table: z.string(),
    target_column: z.string(),
  })),
});

export type ProjectSchema = z.infer<typeof projectSchema>;
export type Table = z.infer<typeof tableSchema>;
export type Column = z.infer<typeof columnSchema>;

/** What the user looks at: a project, and perhaps a table or a column of it. */
export type Focus = { projectId: string; tableId?: string; columnId?: string };

/**
 * Reads a project as the caller, so that RLS decides what is told.
 *
 * @throws {ApiError} `not_found` for a project, table or column that the caller doesn't see, or that is
 *   not in the organization or in the project
 */
export async function readProjectSchema(
  database: DatabaseClient,
  organizationId: string,
  { projectId, tableId, columnId }: Focus,
): Promise<ProjectSchema> {
  const answer = await unwrap(database.rpc("get_project_schema", { project_uuid: projectId }));
  const schema = projectSchema.parse(answer);
  if (schema.project.organization_id !== organizationId) throw missing("project", projectId);
  if (tableId && !schema.tables.some(({ id }) => id === tableId)) throw missing("table", tableId);
  const columns = schema.tables
    .filter(({ id }) => tableId === undefined || id === tableId)
    .flatMap(({ columns }) => columns);
  if (columnId && !columns.some(({ id }) => id === columnId)) throw missing("column", columnId);
  return schema;
}

const missing = (noun: string, id: string) => new ApiError("not_found", `No ${noun} with id ${id}`);
