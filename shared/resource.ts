import type { PostgrestClient } from "@supabase/postgrest-js";
import type { Domain } from "@shared/access.ts";
import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { ApiError, type ErrorCode } from "@shared/errors.ts";
import { pageOf, pageQuerySchema, paginate, toPage } from "@shared/page.ts";
import { createRoute, Reply, type Route } from "@shared/route.ts";
import { z } from "zod";

/** A table as plain routes: what it is called, what it holds, and what a client may do with it. */
export type Resource = {
  domain: Domain;
  /** Singular, for people: `block`. */
  name: string;
  table: string;
  /** The collection, as in `/blocks`; may hold the parent's id: `/organizations/{organization_id}/members`. */
  path: string;
  /** A row as the API shows it. */
  item: z.ZodObject;
  /** PostgREST select, with embedded rows. */
  select: string;
  /** Path parameters of the collection, each one a column to filter by (and to write on create). */
  parents?: z.ZodObject;
  /** Whose existence an empty list is checked for: the last of the parents. */
  parentTable?: string;
  /** Query parameters of the list, each one a column to be equal to. */
  filters?: z.ZodObject;
  /** The row belongs to the request's organization by a column of that name. */
  inOrganization?: boolean;
  /** Has a revision: ETag and If-Match. */
  versioned?: boolean;
  create?: { body: z.ZodType; example: unknown };
  update?: { body: z.ZodType; example: unknown };
  /** Rules of the table that refuse a change or a removal. */
  errors?: readonly ErrorCode[];
  /** Refuses a body that is written, for what its schema can't tell. @throws {ApiError} */
  check?(body: unknown): Promise<void>;
  /** Rows as the API shows them, where that is otherwise than they are stored. */
  show?(rows: unknown[], database: DatabaseClient): unknown[] | Promise<unknown[]>;
  operations: readonly ("list" | "get" | "create" | "update" | "delete")[];
};

const rowSchema = z.looseObject({
  id: z.string(),
  created_at: z.string(),
  revision: z.number().optional(),
});

/** What pages a list is the page's own; the rest of the query filters. */
const listQuerySchema = pageQuerySchema.loose();

/** Tables are named at run time here, so the client is used without its table types. */
const tables = (database: DatabaseClient): PostgrestClient => database;

const article = (name: string) => (/^[aeiou]/.test(name) ? `an ${name}` : `a ${name}`);

/** The routes of a resource: `<verb>` is the scope's second half. */
export function createResource(resource: Resource): Route[] {
  const { domain, name, item, operations } = resource;
  const id = z.object({ ...resource.parents?.shape, id: z.uuid().describe(`The ${name}'s id.`) });
  const one = `${resource.path}/{id}`.replace("//", "/");
  const tag = name.replaceAll(" ", "_");
  const plural = `${tag}s`;
  const ofOrganization = resource.inOrganization ? ["organization_required" as const] : [];

  const show = async (rows: unknown[], database: DatabaseClient) =>
    await resource.show?.(rows, database) ?? rows;
  const answer = async (row: z.infer<typeof rowSchema>, database: DatabaseClient) => {
    const [shown] = await show([row], database);
    return new Reply(shown, { revision: row.revision });
  };
  const read = async (key: Key, database: DatabaseClient) =>
    await answer(await find(resource, database, key), database);

  const routes = {
    list: () =>
      createRoute({
        method: "get",
        path: resource.path,
        auth: "user",
        scope: `${domain}:read`,
        operationId: `list_${plural}`,
        summary: `List ${name}s`,
        description: `The ${name}s that you may see, newest first, a page at a time.`,
        params: resource.parents,
        query: pageQuerySchema.extend({ ...resource.filters?.shape }),
        answers: { 200: { description: `A page of ${name}s.`, schema: pageOf(item) } },
        errors: ["invalid_cursor", ...ofOrganization],
      }, async ({ params, query, database, organizationId }) => {
        const { limit, cursor, ...filters } = listQuerySchema.parse(query);
        const wanted = { ...filters, ...params };
        let select = tables(database).from(resource.table).select(resource.select);
        if (resource.inOrganization) select = select.eq("organization_id", await organizationId());
        for (const [column, value] of Object.entries(wanted)) {
          if (value !== undefined) select = select.eq(column, value);
        }
        const rows: unknown[] = await unwrap(paginate(select, { limit, cursor }));
        if (rows.length === 0 && resource.parentTable) {
          await requireParent(resource, database, params);
        }
        const page = toPage(rows, limit, (row) => {
          const { created_at, id } = rowSchema.parse(row);
          return [created_at, id];
        });
        return { ...page, data: await show(page.data, database) };
      }),

    get: () =>
      createRoute({
        method: "get",
        path: one,
        auth: "user",
        scope: `${domain}:read`,
        operationId: `get_${tag}`,
        summary: `Get ${article(name)}`,
        description: `One ${name}.`,
        params: id,
        versioned: resource.versioned,
        answers: { 200: { description: `The ${name}.`, schema: item } },
      }, async ({ params, database }) => await read(params, database)),

    create: () =>
      createRoute({
        method: "post",
        path: resource.path,
        auth: "user",
        scope: `${domain}:write`,
        operationId: `create_${tag}`,
        summary: `Create ${article(name)}`,
        description: `Adds ${article(name)}.`,
        params: resource.parents,
        body: resource.create?.body,
        example: resource.create?.example,
        answers: { 201: { description: `The new ${name}.`, schema: item } },
        errors: ["conflict", "in_use", ...ofOrganization],
      }, async ({ params, body, database, organizationId }) => {
        await resource.check?.(body);
        const owner = resource.inOrganization ? { organization_id: await organizationId() } : {};
        const values = z.record(z.string(), z.unknown()).parse(body);
        const insert = tables(database).from(resource.table)
          .insert({ ...values, ...owner, ...params }).select(resource.select);
        const rows = await unwrap(insert).catch(async (error) => {
          // RLS refuses a row under a parent that the caller does not see: to them there is none.
          if (resource.parentTable) await requireParent(resource, database, params);
          throw error;
        });
        return await answer(rowSchema.parse(rows[0]), database);
      }),

    update: () =>
      createRoute({
        method: "patch",
        path: one,
        auth: "user",
        scope: `${domain}:write`,
        operationId: `update_${tag}`,
        summary: `Change ${article(name)}`,
        description: `Changes what the body names and leaves the rest.`,
        params: id,
        body: resource.update?.body,
        example: resource.update?.example,
        versioned: resource.versioned,
        answers: { 200: { description: `The ${name} as it is now.`, schema: item } },
        errors: ["conflict", ...(resource.errors ?? [])],
      }, async ({ params, body, database, expectedRevision }) => {
        await resource.check?.(body);
        const values = z.record(z.string(), z.unknown()).parse(body);
        if (Object.keys(values).length === 0) return await read(params, database);
        let update = tables(database).from(resource.table).update(values).match(params);
        if (expectedRevision !== undefined) update = update.eq("revision", expectedRevision);
        const rows = await unwrap(update.select("id"));
        if (rows.length === 0) throw await whyNot(resource, database, params, expectedRevision);
        // Read again: what embeds other rows, or changed the filtered revision, is not in the update's answer.
        return await read(params, database);
      }),

    delete: () =>
      createRoute({
        method: "delete",
        path: one,
        auth: "user",
        scope: `${domain}:write`,
        operationId: `delete_${tag}`,
        summary: `Delete ${article(name)}`,
        description: `Removes the ${name}. Refused while something else still needs it.`,
        params: id,
        answers: { 204: { description: "Gone." } },
        errors: ["in_use", ...(resource.errors ?? [])],
      }, async ({ params, database }) => {
        const rows = await unwrap(
          tables(database).from(resource.table).delete().match(params).select("id"),
        );
        if (rows.length === 0) throw await whyNot(resource, database, params);
        return undefined;
      }),
  };
  return operations.map((operation) => routes[operation]());
}

type Key = Record<string, unknown>;

async function find(resource: Resource, database: DatabaseClient, key: Key) {
  const row = await unwrap(
    tables(database).from(resource.table).select(resource.select).match(key).maybeSingle(),
  );
  if (!row) throw new ApiError("not_found", `No ${resource.name} with id ${key.id}`);
  return rowSchema.parse(row);
}

/** An empty list of something that does not exist is a 404. */
async function requireParent(
  { parents, parentTable = "" }: Resource,
  database: DatabaseClient,
  key: Key = {},
) {
  const id = key[Object.keys(parents?.shape ?? {}).at(-1) ?? ""];
  const row = await unwrap(
    tables(database).from(parentTable).select("id").eq("id", id).maybeSingle(),
  );
  if (!row) throw new ApiError("not_found", `No row of ${parentTable} with id ${id}`);
}

/** A write that met no row: not there, changed since, or not allowed, in this order. */
async function whyNot(
  resource: Resource,
  database: DatabaseClient,
  key: Key,
  expectedRevision?: number,
) {
  const row = await find(resource, database, key);
  return expectedRevision !== undefined && row.revision !== expectedRevision
    ? new ApiError("precondition_failed", `The ${resource.name} has changed since you read it`)
    : new ApiError("forbidden", `Your role does not allow this with the ${resource.name}`);
}
