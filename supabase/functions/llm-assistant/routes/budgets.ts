import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { createResource } from "@shared/resource.ts";
import { z } from "zod";
import {
  budgetChangeSchema,
  budgetSchema,
  budgetStatusSchema,
  newBudgetSchema,
  periodSchema,
  scopeSchema,
} from "../usage/schemas.ts";

const storedSchema = budgetSchema.omit({ status: true });
const statusesSchema = z.array(budgetStatusSchema.extend({ id: z.uuid() }));

/** Budgets: admins set them, and each user sees their own. */
export const budgets = createResource({
  domain: "llm-assistant",
  name: "budget",
  table: "budgets",
  path: "/budgets",
  item: budgetSchema,
  select: Object.keys(storedSchema.shape).join(","),
  inOrganization: true,
  filters: z.object({
    scope: scopeSchema.optional(),
    subject_id: z.uuid().optional(),
    period: periodSchema.optional(),
  }),
  create: {
    body: newBudgetSchema,
    example: { scope: "organization", period: "month", limit_usd: 250 },
  },
  update: { body: budgetChangeSchema, example: { limit_usd: 400 } },
  operations: ["list", "get", "create", "update", "delete"],
  show: withStatus,
});

/** Budgets with where they stand, which is no column of theirs. */
async function withStatus(rows: unknown[], database: DatabaseClient) {
  const stored = z.array(storedSchema).parse(rows);
  const budget_ids = stored.map(({ id }) => id);
  const found = statusesSchema.parse(
    await unwrap(database.rpc("get_budget_statuses", { budget_ids })),
  );
  const statuses = new Map(found.map(({ id, ...status }) => [id, status]));
  return stored.map((budget) => ({ ...budget, status: statuses.get(budget.id) }));
}
