import { jsonSchema } from "@shared/json.ts";
import { z } from "zod";

/** What `claim_steps` tells a worker. */
export const claimSchema = z.object({
  steps: z.array(z.object({
    step_id: z.string(),
    attempt: z.number(),
    run_id: z.string(),
    organization_id: z.string(),
    user_id: z.string().nullable(),
    name: z.string(),
    block_type: z.enum(["dataset", "model"]).nullable(),
    spec: jsonSchema,
    timeout_seconds: z.number(),
    cursor: jsonSchema.nullable(),
    started_at_ms: z.number(),
    has_input: z.boolean(),
    incoming: z.array(z.object({
      source_step_id: z.string(),
      source_name: z.string(),
      spec: jsonSchema,
    })),
  })),
  outputs: z.record(
    z.string(),
    z.object({ output: jsonSchema, output_path: z.string().nullable() }),
  ),
  inputs: z.record(z.string(), jsonSchema),
  is_alone: z.boolean(),
  again: z.boolean(),
});

export type Claim = z.infer<typeof claimSchema>;
export type ClaimedStep = Claim["steps"][number];

/** What `finish_steps` is told of one attempt. */
export type StepResult =
  & { step_id: string; attempt: number }
  & (
    | { released: true }
    | { continued: true; cursor: z.infer<typeof jsonSchema> }
    | { succeeded: true; output: z.infer<typeof jsonSchema>; output_path?: string }
    | {
      succeeded: false;
      error: Record<string, z.infer<typeof jsonSchema>>;
      retryable: boolean;
      retry_after_seconds?: number;
    }
  );
