import postgres from "postgres";
import { stack } from "./stack.ts";

/**
 * A connection as the database's owner, past RLS: to arrange what no client may, and to see what no
 * client does. It ends with the work, so that nothing is left open between tests.
 */
export async function withSql<T>(work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const connection = postgres(stack.dbUrl, { max: 1, prepare: false, onnotice: () => {} });
  try {
    return await work(connection);
  } finally {
    await connection.end();
  }
}

/** One statement on a connection of its own. */
export function sql(
  strings: TemplateStringsArray,
  ...values: (string | number | boolean | null | string[])[]
): Promise<postgres.Row[]> {
  return withSql((connection) => connection(strings, ...values));
}
