import { createResource } from "@shared/resource.ts";
import { z } from "zod";
import {
  assistantChangeSchema,
  assistantSchema,
  newAssistantSchema,
  reviewSchema,
} from "../assistants/schemas.ts";

const columnsOf = ({ shape }: z.ZodObject) => Object.keys(shape).join(",");
/** Money is added up exactly, and shown as a number. */
const assistantColumns = columnsOf(assistantSchema).replace("monthly_cost", "$&::float8");

/** Assistants as plain rows: what a change does to approval and risk, the database decides. */
export const assistants = createResource({
  domain: "llm-assistant",
  name: "assistant",
  table: "assistants",
  path: "/assistants",
  item: assistantSchema,
  select: assistantColumns,
  inOrganization: true,
  versioned: true,
  create: {
    body: newAssistantSchema,
    example: {
      name: "Forecaster",
      description: "Explains the weather of the coming days",
      category: "weather",
      prompt: "You explain forecasts in two sentences.",
      model: "gpt-4o-mini",
      temperature: 0.3,
      tags: ["weather"],
      access_level: "organization",
    },
  },
  update: {
    body: assistantChangeSchema,
    example: { prompt: "You explain forecasts in one sentence." },
  },
  operations: ["create", "update", "delete"],
});

/** The steps of an assistant's approval, for its creator and for admins. */
export const assistantReviews = createResource({
  domain: "llm-assistant",
  name: "review",
  table: "assistant_reviews",
  path: "/assistants/{assistant_id}/reviews",
  parents: z.object({ assistant_id: z.uuid() }),
  parentTable: "assistants",
  item: reviewSchema,
  select: columnsOf(reviewSchema),
  operations: ["list"],
});
