import { unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { decodeCursor, pageOf, pageQuerySchema, paginate, toPage } from "@shared/page.ts";
import { createResource } from "@shared/resource.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { newPriceSchema, priceChangeSchema, priceSchema } from "../usage/schemas.ts";

/** Prices of models: the platform's for all, and an organization's own, which go before them. */

const columns = Object.keys(priceSchema.shape).join(",");

// A second filter of its own would be one of two that are called `or`, of which not every stack heeds both.
function after(cursor: string): string {
  const [time, id] = decodeCursor(cursor);
  return `or(created_at.lt."${time}",and(created_at.eq."${time}",id.lt.${id}))`;
}

const listPrices = createRoute({
  method: "get",
  path: "/prices",
  auth: "user",
  scope: "llm-assistant:read",
  operationId: "list_model_prices",
  summary: "List model prices",
  description: "The platform's prices and your organization's own, which go before them.",
  query: pageQuerySchema.extend({
    provider: priceSchema.shape.provider.optional(),
    model: priceSchema.shape.model.optional().describe("The row's own name, not a variant."),
    own: z.stringbool().optional().describe("`true`: your organization's own alone."),
  }),
  answers: { 200: { description: "A page of prices.", schema: pageOf(priceSchema) } },
  errors: ["organization_required", "invalid_cursor"],
}, async ({ query: { limit, cursor, own, ...names }, database, organizationId }) => {
  const organization_id = await organizationId();
  const owners = `organization_id.eq.${organization_id}${own ? "" : ",organization_id.is.null"}`;
  const select = database.from("model_prices").select(columns).match(names);
  const page = paginate(select, { limit });
  const rows = z.array(priceSchema).parse(
    await unwrap(page.or(cursor ? `and(or(${owners}),${after(cursor)})` : owners)),
  );
  return toPage(rows, limit, (row) => [row.created_at, row.id]);
});

const matchPrice = createRoute({
  method: "get",
  path: "/prices/match",
  auth: "user",
  scope: "llm-assistant:read",
  operationId: "match_model_price",
  summary: "Find a model's price",
  description:
    "The price that a call of this model is charged by: your organization's own before the platform's, the " +
    "exact name before a variant, the longest beginning first. 404 where there is none: such a call's cost is " +
    "null, never 0.",
  query: z.object({
    provider: priceSchema.shape.provider,
    model: priceSchema.shape.model,
    input_tokens: z.coerce.number().int().min(0).max(2_000_000_000).default(0)
      .describe("Of the call: long contexts cost more at some providers."),
  }),
  answers: { 200: { description: "The price.", schema: priceSchema } },
  errors: ["organization_required", "not_found"],
}, async ({ query, database, organizationId }) => {
  const found = await unwrap(
    database.rpc("find_model_price", { ...query, organization_id: await organizationId() }),
  );
  const [price] = z.array(priceSchema).parse(found);
  if (price) return price;
  throw new ApiError("not_found", `The model ${query.model} of ${query.provider} has no price`);
});

export const prices = [
  matchPrice,
  listPrices,
  ...createResource({
    domain: "llm-assistant",
    name: "model price",
    table: "model_prices",
    path: "/prices",
    item: priceSchema,
    select: columns,
    inOrganization: true,
    create: {
      body: newPriceSchema,
      example: {
        provider: "openai",
        model: "gpt-4o",
        variants: ["gpt-4o-20*"],
        input_price: 2,
        cached_input_price: 1,
        output_price: 8,
        source: "Our contract",
        as_of: "2026-11-01",
      },
    },
    update: { body: priceChangeSchema, example: { output_price: 7.5 } },
    operations: ["get", "create", "update", "delete"],
    // The stack decides whether a `numeric` column comes as a number or as text.
    show: (rows) => z.array(priceSchema).parse(rows),
  }),
];
