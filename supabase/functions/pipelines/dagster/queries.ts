import { z } from "zod";
import { askDagster } from "./api.ts";
import type { Connection } from "./config.ts";

/** What is asked of Dagster, and what of its answers counts. Tried with 1.13. */

/** A member of one of Dagster's unions: its type, and what the failures among them say. */
const member = z.looseObject({ __typename: z.string(), message: z.string().optional() });

export type Member = z.infer<typeof member>;

/** What is stored as it is told: printable, and of a length that a hostile Dagster can't choose. */
const wordSchema = z.string().max(500).regex(/^[\x20-\x7e]*$/);

const launchSchema = member.extend({
  run: z.looseObject({ runId: wordSchema }).optional(),
  errors: z.array(z.looseObject({ message: z.string() })).optional(),
});

export type LaunchAnswer = z.infer<typeof launchSchema>;

const LAUNCH_ANSWER = `{
  __typename
  ... on LaunchRunSuccess { run { runId } }
  ... on RunConfigValidationInvalid { errors { message } }
  ... on Error { message }
}`;

type Selector = { job: string } & Pick<Connection, "location" | "repository">;

const selectorOf = ({ job, location, repository }: Selector) => ({
  pipelineName: job,
  repositoryName: repository,
  repositoryLocationName: location,
});

export type Tag = { key: string; value: string };

export const RUN_TAG = "edgeloom/run_id";

export async function readVersion(at: Pick<Connection, "url" | "isTenants">): Promise<string> {
  const { version } = await askDagster(at, "{ version }", {}, z.object({ version: z.string() }));
  return version;
}

/** Whether the code location, as loaded, has the job. */
export async function hasJob(at: Connection, job: string): Promise<boolean> {
  const query = `query ($params: PipelineSelector!) {
    pipelineOrError(params: $params) { __typename }
  }`;
  const params = selectorOf({ job, ...at });
  const { pipelineOrError } = await askDagster(
    at,
    query,
    { params },
    z.object({ pipelineOrError: member }),
  );
  return pipelineOrError.__typename === "Pipeline";
}

const reloadSchema = z.object({
  reloadRepositoryLocation: member.extend({ locationOrLoadError: member.nullish() }),
});

/** Loads the code location anew; undefined when that went well, or what went wrong. */
export async function reloadLocation(at: Connection): Promise<Member | undefined> {
  const query = `mutation ($name: String!) {
    reloadRepositoryLocation(repositoryLocationName: $name) {
      __typename
      ... on WorkspaceLocationEntry {
        locationOrLoadError { __typename ... on PythonError { message } }
      }
      ... on Error { message }
    }
  }`;
  const { reloadRepositoryLocation: answer } = await askDagster(
    at,
    query,
    { name: at.location },
    reloadSchema,
  );
  if (answer.__typename !== "WorkspaceLocationEntry") return answer;
  const loaded = answer.locationOrLoadError;
  return loaded?.__typename === "RepositoryLocation" ? undefined : loaded ?? answer;
}

type Launch = { job: string; tags: Tag[]; runConfig: unknown; stepKeys: string[] | null };

export async function launchRun(at: Connection, launch: Launch): Promise<LaunchAnswer> {
  const query = `mutation ($params: ExecutionParams!) {
    launchRun(executionParams: $params) ${LAUNCH_ANSWER}
  }`;
  const params = {
    selector: selectorOf({ job: launch.job, ...at }),
    runConfigData: launch.runConfig,
    executionMetadata: { tags: launch.tags },
    ...(launch.stepKeys ? { stepKeys: launch.stepKeys } : {}),
  };
  const answer = await askDagster(at, query, { params }, z.object({ launchRun: launchSchema }));
  return answer.launchRun;
}

/** Goes on from the steps that failed in a run that has ended. */
export async function launchReexecution(
  at: Connection,
  parentRunId: string,
  tags: Tag[],
): Promise<LaunchAnswer> {
  const query = `mutation ($params: ReexecutionParams!) {
    launchRunReexecution(reexecutionParams: $params) ${LAUNCH_ANSWER}
  }`;
  const params = { parentRunId, strategy: "FROM_FAILURE", extraTags: tags, useParentRunTags: true };
  const answer = await askDagster(
    at,
    query,
    { params },
    z.object({ launchRunReexecution: launchSchema }),
  );
  return answer.launchRunReexecution;
}

const foundSchema = z.object({
  runsOrError: member.extend({
    results: z.array(
      z.looseObject({ runId: wordSchema, status: z.string(), creationTime: z.number() }),
    )
      .optional(),
  }),
});

/** Runs that carry the tag of one of ours, the first one first. */
export async function findRuns(at: Connection, runId: string) {
  const query = `query ($filter: RunsFilter!) {
    runsOrError(filter: $filter, limit: 20) {
      __typename
      ... on Runs { results { runId status creationTime } }
      ... on Error { message }
    }
  }`;
  const filter = { tags: [{ key: RUN_TAG, value: runId }] };
  const { runsOrError } = await askDagster(at, query, { filter }, foundSchema);
  return (runsOrError.results ?? []).toSorted((a, b) => a.creationTime - b.creationTime);
}

const statusSchema = z.object({
  runOrError: z.union([
    z.looseObject({
      __typename: z.literal("Run"),
      status: wordSchema,
      tags: z.array(z.object({ key: z.string(), value: z.string() })),
    }),
    z.looseObject({ __typename: z.literal("RunNotFoundError") }),
  ]),
});

/**
 * The status of a run of Dagster's that carries our run's tag; undefined where there is none: one that
 * is not ours is none of our business, whoever named it.
 */
export async function readStatus(
  at: Connection,
  externalId: string,
  runId: string,
): Promise<string | undefined> {
  const query = `query ($id: ID!) {
    runOrError(runId: $id) {
      __typename
      ... on Run { status tags { key value } }
      ... on Error { message }
    }
  }`;
  const { runOrError: found } = await askDagster(at, query, { id: externalId }, statusSchema);
  if (found.__typename !== "Run") return undefined;
  return found.tags.some(({ key, value }) => key === RUN_TAG && value === runId)
    ? found.status
    : undefined;
}

const eventSchema = z.looseObject({
  __typename: z.string(),
  message: z.string(),
  timestamp: wordSchema,
  level: wordSchema,
  stepKey: z.string().nullish(),
  eventType: wordSchema.nullish(),
  error: z.looseObject({
    message: z.string(),
    causes: z.array(z.looseObject({ message: z.string() })).nullish(),
  }).nullish(),
});

export type DagsterEvent = z.infer<typeof eventSchema>;

const logSchema = z.object({
  logsForRun: member.extend({
    cursor: wordSchema.optional(),
    hasMore: z.boolean().optional(),
    events: z.array(eventSchema).optional(),
  }),
});

/** Events of a page of the log. */
const PAGE = 200;

/** A page of the run's log after a cursor. */
export async function readLog(at: Connection, externalId: string, after: string | null) {
  const query = `query ($id: ID!, $after: String, $limit: Int) {
    logsForRun(runId: $id, afterCursor: $after, limit: $limit) {
      __typename
      ... on EventConnection {
        cursor
        hasMore
        events {
          __typename
          ... on MessageEvent { message timestamp level stepKey eventType }
          ... on ErrorEvent { error { message causes { message } } }
        }
      }
      ... on Error { message }
    }
  }`;
  const variables = { id: externalId, after, limit: PAGE };
  const { logsForRun } = await askDagster(at, query, variables, logSchema);
  const { cursor = after, hasMore = false, events = [] } = logsForRun;
  // More than was asked for is no Dagster's, and a page that leads nowhere is the last one.
  return { cursor, hasMore: hasMore && cursor !== after, events: events.slice(0, PAGE) };
}

/** Asks for the run's end; `forced`: Dagster calls it canceled, whatever its processes do. */
export async function terminateRun(
  at: Connection,
  externalId: string,
  forced: boolean,
): Promise<Member> {
  const query = `mutation ($id: String!, $policy: TerminateRunPolicy) {
    terminateRun(runId: $id, terminatePolicy: $policy) {
      __typename
      ... on TerminateRunFailure { message }
      ... on Error { message }
    }
  }`;
  const policy = forced ? "MARK_AS_CANCELED_IMMEDIATELY" : "SAFE_TERMINATE";
  const answer = await askDagster(
    at,
    query,
    { id: externalId, policy },
    z.object({ terminateRun: member }),
  );
  return answer.terminateRun;
}
