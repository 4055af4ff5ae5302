type Values = Record<string, unknown>;
type Insert = (table: string, values: Values) => Promise<string>;
type Plain<S> = (table: string, values: () => Values | Promise<Values>, change: Values) => S;

const unique = () => crypto.randomUUID();

/** Schema projects and what is in them. */
export function projectSubjects<S>(
  organization_id: string,
  insert: Insert,
  plain: Plain<S>,
): Record<string, S> {
  const values = () => ({ organization_id, name: unique() });
  const tableValues = async () => ({
    project_id: await insert("projects", values()),
    name: unique(),
  });
  const columnValues = async (table_id?: string) => ({
    table_id: table_id ?? await insert("table_metadata", await tableValues()),
    name: unique(),
    data_type: "text",
  });
  const relationship = async () => {
    const table = await insert("table_metadata", await tableValues());
    return {
      source_column_id: await insert("column_metadata", await columnValues(table)),
      target_column_id: await insert("column_metadata", await columnValues(table)),
    };
  };
  return {
    projects: plain("projects", values, { description: "changed" }),
    table_metadata: plain("table_metadata", tableValues, { description: "changed" }),
    column_metadata: plain("column_metadata", columnValues, { data_type: "changed" }),
    relationships: plain("relationships", relationship, { relationship_type: "many-to-many" }),
  };
}
