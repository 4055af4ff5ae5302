import { jsonSchema } from "@shared/json.ts";
import { z } from "zod";

/** What the routes of assistants take and show. */

const time = z.string().describe("ISO 8601.");

export const statusSchema = z.enum(["active", "inactive", "pending", "suspended"]).describe(
  "active: approved and in use; pending: waits for its approval; inactive: switched off; suspended: by an admin, for everyone.",
);
export const accessSchema = z.enum(["team", "organization", "public"]).describe(
  "Who uses it once approved. team: its team, or without one its creator alone; organization: the members; public: any signed-in user.",
);
export const approvalSchema = z.enum(["draft", "pending", "approved", "rejected"]);
export const riskSchema = z.enum(["low", "medium", "high"]);

const name = z.string().trim().min(1).max(200);
const description = z.string().max(10_000).nullable();
const category = z.string().trim().min(1).max(100).nullable();
const prompt = z.string().max(65_536).describe("What the model is told first.");
const model = z.string().trim().min(1).max(200);
const temperature = z.number().min(0).max(2);
const maxTokens = z.int().min(1).max(1_000_000).describe("The longest answer.");
const tools = z.array(z.string().max(64)).max(32).describe(
  "Names of tools: `search_documents`, `run_pipeline`, `get_run`, or the organization's own.",
);
const webAccess = z.boolean().describe(
  "Says that its model reads the web: that raises the risk, and switches nothing on.",
);
const tags = z.array(z.string().trim().min(1).max(50)).max(20);
const settings = z.record(z.string(), jsonSchema).describe(
  'Anything more. `tool_approval: {<tool>: "always"}` has a person agree to each call.',
);

export const assistantSchema = z.object({
  id: z.uuid(),
  organization_id: z.uuid(),
  team_id: z.uuid().nullable(),
  creator_id: z.uuid().nullable(),
  name,
  description,
  category,
  status: statusSchema,
  prompt: prompt.nullable().describe("Null where it is another organization's: theirs to know."),
  model,
  temperature,
  max_tokens: maxTokens,
  tools,
  tags,
  is_public: z.boolean(),
  web_access: webAccess,
  access_level: accessSchema,
  approval_status: approvalSchema,
  approved_by: z.uuid().nullable(),
  approved_at: time.nullable(),
  risk_level: riskSchema.describe(
    "medium: reads through tools or the web; high: own code, pipelines, or public with the web. An admin may raise it.",
  ),
  compliance_score: z.int().min(0).max(100).describe(
    "100 less what is missing: description 15, category 5, prompt 20, approval 30 (by its own creator 10), and for the risk 10 or 20.",
  ),
  usage_count: z.int().describe("Calls, by anyone; those that make titles aside."),
  rating: z.number().describe("The average, 1 to 5; 0 while there is none."),
  rating_count: z.int(),
  monthly_cost: z.number().nullable().describe(
    "USD of its own organization's calls in this month (UTC); null where it is another organization's.",
  ),
  settings,
  revision: z.int().describe("Counts changes, also of its tools and its approval; the ETag."),
  created_at: time,
  updated_at: time,
}).meta({ id: "Assistant", description: "A prompt, a model and tools under a name." });

const writable = {
  team_id: z.uuid().nullable().optional(),
  description: description.optional(),
  category: category.optional(),
  status: statusSchema.optional(),
  prompt: prompt.optional(),
  model: model.optional(),
  temperature: temperature.optional(),
  max_tokens: maxTokens.optional(),
  tools: tools.optional(),
  tags: tags.optional(),
  is_public: z.boolean().optional().describe("Another word for the access level public."),
  web_access: webAccess.optional(),
  access_level: accessSchema.optional(),
  settings: settings.optional(),
};

type Access = { is_public?: boolean; access_level?: string };
const agree = ({ is_public, access_level }: Access) =>
  is_public === undefined || access_level === undefined ||
  is_public === (access_level === "public");
const contradiction = {
  message: "is_public and access_level contradict each other",
  path: ["is_public"],
};

export const newAssistantSchema = z.strictObject({ name, ...writable })
  .refine(agree, contradiction);
export const assistantChangeSchema = z.strictObject({
  name: name.optional(),
  ...writable,
  risk_level: riskSchema.optional().describe("Admins raise it; not below what its tools make it."),
}).refine(agree, contradiction);

/** Query parameters of both lists. */
export const filtersSchema = z.object({
  category: z.string().max(100).optional(),
  tag: z.string().max(50).optional(),
  q: z.string().trim().min(1).max(200).optional().describe(
    "Part of its name, description, category or a tag.",
  ),
  risk_level: riskSchema.optional(),
});

export const ratingSchema = z.object({
  id: z.uuid(),
  organization_id: z.uuid(),
  assistant_id: z.uuid(),
  user_id: z.uuid(),
  rating: z.int().min(1).max(5),
  comment: z.string().nullable(),
  created_at: time,
  updated_at: time,
}).meta({ id: "AssistantRating", description: "What one user thinks of an assistant." });

export const reviewSchema = z.object({
  id: z.uuid(),
  organization_id: z.uuid(),
  assistant_id: z.uuid(),
  action: z.enum(["submit", "approve", "reject", "reopen"]).describe(
    "reopen: a change after the approval, which the note names.",
  ),
  note: z.string().nullable(),
  assistant_revision: z.int().describe("The revision that was judged."),
  created_by: z.uuid().nullable(),
  created_at: time,
  updated_at: time,
}).meta({
  id: "AssistantReview",
  description: "A step of an assistant's approval. Never changed.",
});

const counts = {
  calls: z.int(),
  users: z.int().describe("Different ones."),
  input_tokens: z.int(),
  output_tokens: z.int(),
  cost: z.number().describe("USD."),
  unpriced_calls: z.int().describe("Calls of models without a price: not in the cost."),
};

export const statsSchema = z.object({
  from: z.iso.date(),
  to: z.iso.date(),
  ...counts,
  days: z.array(z.object({ date: z.iso.date(), ...counts })).describe("Each day of the range."),
  ratings: z.object({
    count: z.int(),
    average: z.number(),
    distribution: z.record(z.enum(["1", "2", "3", "4", "5"]), z.int()),
  }),
}).meta({ id: "AssistantStats", description: "How its organization uses an assistant." });
