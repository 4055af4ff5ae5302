import type { Body } from "./answer.ts";
import { expect } from "./expect.ts";
import type { User } from "./tenant.ts";

/** A new row, put in past the functions as a client may. */
export async function addRow(
  user: User,
  table: string,
  values: Record<string, unknown>,
): Promise<Body> {
  const [row] = expect(await user.rest("POST", `/${table}`, values), 201);
  return row;
}

/** A schema project of the organization that the user works in. */
export const addProject = (user: User, more: Record<string, unknown> = {}): Promise<Body> =>
  addRow(user, "projects", { organization_id: user.organizationId, name: "Shop", ...more });

/** A table of a project, its columns of type text in this order. */
export async function addTable(
  user: User,
  project: Body,
  name: string,
  columns: readonly string[] = ["id"],
): Promise<Body> {
  const table = await addRow(user, "table_metadata", { project_id: project.id, name });
  const values = columns.map((column) => ({ table_id: table.id, name: column, data_type: "text" }));
  const rows = expect(await user.rest("POST", "/column_metadata", values), 201);
  return { ...table, columns: rows };
}

/** A project of two tables that a relationship joins. */
export async function addShop(user: User): Promise<Body> {
  const project = await addProject(user);
  const orders = await addTable(user, project, "orders", ["id", "customer_id", "amount"]);
  const customers = await addTable(user, project, "customers", ["id", "email"]);
  const relationship = await addRow(user, "relationships", {
    source_column_id: orders.columns[1].id,
    target_column_id: customers.columns[0].id,
    relationship_type: "many-to-one",
  });
  return { ...project, orders, customers, relationship };
}
