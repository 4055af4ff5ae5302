import { unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { createResource } from "@shared/resource.ts";
import { createRoute, Reply, type Route } from "@shared/route.ts";
import { z } from "zod";
import { ratingSchema } from "../assistants/schemas.ts";
import { userIdOf } from "../user_id.ts";

const path = "/assistants/{assistant_id}/ratings";
const params = z.object({ assistant_id: z.uuid() });

const rate = (method: "post" | "put", operationId: string, first: 200 | 201): Route =>
  createRoute(
    {
      method,
      path,
      auth: "user",
      scope: "llm-assistant:write",
      operationId,
      summary: "Rate an assistant",
      description: "Your rating of an assistant that you may use; it replaces the one before. " +
        "Nobody rates their own.",
      params,
      body: z.strictObject({
        rating: z.int().min(1).max(5),
        comment: z.string().trim().min(1).max(2000).optional(),
      }),
      example: { rating: 5, comment: "Right about the rain" },
      answers: {
        [first]: { description: "Your rating.", schema: ratingSchema },
        200: { description: "Your rating, perhaps in place of another.", schema: ratingSchema },
      },
      errors: ["assistant_not_approved"],
    },
    async ({ params, body, database }) => {
      const rating = await unwrap(database.rpc("rate_assistant", { ...params, ...body }));
      const isNew = rating.created_at === rating.updated_at;
      return new Reply(rating, { status: isNew ? first : 200 });
    },
  );

const deleteRating = createRoute({
  method: "delete",
  path,
  auth: "user",
  scope: "llm-assistant:write",
  operationId: "delete_rating",
  summary: "Take a rating back",
  description: "Removes your own rating.",
  params,
  answers: { 204: { description: "Gone." } },
}, async ({ params, caller, database }) => {
  const user_id = userIdOf(caller);
  const rows = await unwrap(
    database.from("assistant_ratings").delete().match({ ...params, user_id }).select("id"),
  );
  if (rows.length > 0) return undefined;
  throw new ApiError("not_found", `You have not rated the assistant ${params.assistant_id}`);
});

/** Ratings of those who may use an assistant, one each. */
export const assistantRatings = [
  ...createResource({
    domain: "llm-assistant",
    name: "rating",
    table: "assistant_ratings",
    path,
    parents: params,
    parentTable: "assistants",
    item: ratingSchema,
    select: Object.keys(ratingSchema.shape).join(","),
    operations: ["list"],
  }),
  rate("post", "create_rating", 201),
  rate("put", "put_rating", 200),
  deleteRating,
];
