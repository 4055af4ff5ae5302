import { jsonSchema } from "@shared/json.ts";
import { z } from "zod";

/** What `claim_steps` answers: what several steps share is told once, by id. */
const answerSchema = z.object({
  steps: z.array(z.object({
    step_id: z.string(),
    attempt: z.number(),
    run_id: z.string(),
    block_id: z.string(),
    name: z.string(),
    /** Null, as the spec is, of a block that was deleted after the run started. */
    block_type: z.enum(["dataset", "model"]).nullable(),
    spec: jsonSchema,
    timeout_seconds: z.number(),
    cursor: jsonSchema.nullable(),
    incoming: z.array(z.object({
      source_step_id: z.string(),
      source_name: z.string(),
      edge_version_id: z.string(),
    })),
  })),
  runs: z.record(
    z.string(),
    z.object({
      organization_id: z.string(),
      user_id: z.string().nullable(),
      api_key_id: z.string().nullable(),
      started_at_ms: z.number(),
      input: jsonSchema,
      /** The block that the run's input feeds in place of its edges. */
      fed_block_id: z.string().nullable(),
    }),
  ),
  edge_specs: z.record(z.string(), jsonSchema),
  outputs: z.record(
    z.string(),
    z.object({ output: jsonSchema, output_path: z.string().nullable() }),
  ),
  is_alone: z.boolean(),
  again: z.boolean(),
});

/** What `claim_steps` tells a worker, each step with all of its own. */
export const claimSchema = answerSchema.transform(
  ({ steps, runs, edge_specs, ...shared }) => ({
    ...shared,
    inputs: Object.fromEntries(Object.entries(runs).map(([id, { input }]) => [id, input])),
    steps: steps.map(({ block_id, incoming, ...step }) => {
      const { fed_block_id, input: _, ...run } = told(runs, step.run_id);
      return {
        ...step,
        ...run,
        has_input: incoming.length > 0 || fed_block_id === block_id,
        incoming: incoming.map(({ edge_version_id, ...arrow }) => ({
          ...arrow,
          spec: edge_specs[edge_version_id] ?? null,
        })),
      };
    }),
  }),
);

function told<T>(things: Record<string, T>, id: string): T {
  const thing = things[id];
  if (thing === undefined) throw new Error(`The claim does not tell of ${id}`);
  return thing;
}

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
