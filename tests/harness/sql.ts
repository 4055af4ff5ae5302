import postgres from "postgres";
import { stack } from "./stack.ts";

/**
 * One statement as the database's owner, past RLS: to arrange what no client may, and to see what
 * no client does. The connection ends with it, so that nothing is left open between tests.
 */
export async function sql(
  strings: TemplateStringsArray,
  ...values: (string | number | boolean | null | string[])[]
): Promise<postgres.Row[]> {
  const connection = postgres(stack.dbUrl, { max: 1, prepare: false, onnotice: () => {} });
  try {
    return await connection(strings, ...values);
  } finally {
    await connection.end();
  }
}
