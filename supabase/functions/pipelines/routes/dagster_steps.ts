import type { Caller } from "@shared/access.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import {
  beginTurn,
  executeTurn,
  finishTurn,
  resultSchema,
  stepStateSchema,
  taskSchema,
  type Turn,
} from "../dagster/steps.ts";

/** What the ops of definitions.py call. */

const path = "/dagster/runs/{run_id}/blocks/{block_id}";
const params = z.object({ run_id: z.uuid(), block_id: z.uuid() });

const caller = {
  dagster_run_id: z.string().min(1).max(255).describe(
    "The run on Dagster. The first one that is heard of is the one; a copy of it is refused.",
  ),
};

const access = { auth: "service", scope: "pipelines:admin" } as const;
const example = { dagster_run_id: "2f0c6f0e-0b9c-4f0e-8f6e-6a2f3b1d9a10" };
const errors = ["not_found", "conflict"] as const;

function turnOf(
  { run_id, block_id }: z.infer<typeof params>,
  external_id: string,
  caller: Caller,
): Turn {
  const organization = caller.kind === "user" ? caller.organizationId : undefined;
  return {
    run_id,
    block_id,
    external_id,
    ...(organization === undefined ? {} : { organization_id: organization }),
  };
}

const executeRoute = createRoute(
  {
    method: "post",
    path: `${path}/execute`,
    ...access,
    operationId: "execute_dagster_step",
    summary: "Execute a step for Dagster",
    description:
      "Called by an op whose turn has come: executes its step, if that is still to do, and tells how it stands. It may " +
      "be repeated at any time: a step in work is not begun again, and one that is done stays as it is.",
    params,
    body: z.strictObject(caller),
    example,
    answers: { 200: { description: "How the step stands.", schema: stepStateSchema } },
    errors,
  },
  async ({ params, body, caller }) =>
    await executeTurn(turnOf(params, body.dagster_run_id, caller)),
);

const beginRoute = createRoute(
  {
    method: "post",
    path: `${path}/begin`,
    ...access,
    operationId: "begin_dagster_step",
    summary: "Begin a step in a container",
    description:
      "Called by an op whose block has a docker image: claims the step and hands out its input. Without a `task` there " +
      "is nothing to do, and `status` says why.",
    params,
    body: z.strictObject(caller),
    example,
    answers: {
      200: {
        description: "How the step stands, with the task if it is begun.",
        schema: stepStateSchema.extend({ task: taskSchema.optional() }),
      },
    },
    errors,
  },
  async ({ params, body, caller }) => await beginTurn(turnOf(params, body.dagster_run_id, caller)),
);

const finishRoute = createRoute({
  method: "post",
  path: `${path}/finish`,
  ...access,
  operationId: "finish_dagster_step",
  summary: "End a step in a container",
  description:
    "Reports what the container made of its task. A result of an attempt that no longer stands changes nothing; once " +
    "more changes nothing either.",
  params,
  body: z.strictObject({
    ...caller,
    worker_id: z.uuid(),
    attempt: z.int().min(1),
    result: resultSchema,
  }),
  example: {
    ...example,
    worker_id: "2f0c6f0e-0b9c-4f0e-8f6e-6a2f3b1d9a11",
    attempt: 1,
    result: { succeeded: true, output: { rows: 3 } },
  },
  maxBytes: 8 * 1024 * 1024,
  answers: { 200: { description: "How the step stands.", schema: stepStateSchema } },
  errors,
}, async ({ params, body, caller }) => {
  const { dagster_run_id, worker_id, attempt, result } = body;
  const turn = turnOf(params, dagster_run_id, caller);
  return await finishTurn(turn, { worker_id, attempt }, result);
});

export const dagsterSteps = [executeRoute, beginRoute, finishRoute];
