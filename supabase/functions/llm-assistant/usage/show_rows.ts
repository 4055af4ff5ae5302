import type { DatabaseClient } from "@shared/database.ts";
import { Reply, type Route } from "@shared/route.ts";
import { z } from "zod";

const pageSchema = z.looseObject({ data: z.array(z.unknown()) });

/**
 * A resource's route whose rows are shown otherwise than they are stored. The stack decides whether a
 * `numeric` column comes as a number or as text; what it is shown by says which.
 */
export function showRows(
  { contract, handle }: Route,
  show: (rows: unknown[], database: DatabaseClient) => Promise<unknown[]>,
): Route {
  return {
    contract,
    handle: async (context) => {
      const result = await handle(context);
      if (result === undefined) return undefined;
      const page = pageSchema.safeParse(result);
      if (page.success) {
        return { ...page.data, data: await show(page.data.data, context.database) };
      }
      const row = result instanceof Reply ? result.value : result;
      const [shown] = await show([row], context.database);
      return shown;
    },
  };
}
