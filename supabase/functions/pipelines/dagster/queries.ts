import { z } from "zod";
import { askDagster } from "./api.ts";
import type { Connection } from "./config.ts";

/** What is asked of Dagster, and what of its answers counts. Tried with 1.13. */

/** A member of one of Dagster's unions: its type, and what the failures among them say. */
const member = z.looseObject({ __typename: z.string(), message: z.string().optional() });

export type Member = z.infer<typeof member>;

const launchSchema = member.extend({
  run: z.looseObject({ runId: z.string() }).optional(),
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
      z.looseObject({ runId: z.string(), status: z.string(), creationTime: z.number() }),
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

/** The run's status; undefined where Dagster has no such run. */
export async function readStatus(at: Connection, externalId: string): Promise<string | undefined> {
  const query = `query ($id: ID!) {
    runOrError(runId: $id) { __typename ... on Run { status } ... on Error { message } }
  }`;
  const schema = z.object({ runOrError: member.extend({ status: z.string().optional() }) });
  const { runOrError } = await askDagster(at, query, { id: externalId }, schema);
  return runOrError.__typename === "RunNotFoundError" ? undefined : runOrError.status ?? "UNKNOWN";
}

const eventSchema = z.looseObject({
  __typename: z.string(),
  message: z.string(),
  timestamp: z.string(),
  level: z.string(),
  stepKey: z.string().nullish(),
  eventType: z.string().nullish(),
  error: z.looseObject({
    message: z.string(),
    causes: z.array(z.looseObject({ message: z.string() })).nullish(),
  }).nullish(),
});

export type DagsterEvent = z.infer<typeof eventSchema>;

const logSchema = z.object({
  logsForRun: member.extend({
    cursor: z.string().optional(),
    hasMore: z.boolean().optional(),
    events: z.array(eventSchema).optional(),
  }),
});

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
  const variables = { id: externalId, after, limit: 200 };
  const { logsForRun } = await askDagster(at, query, variables, logSchema);
  const { cursor = after, hasMore = false, events = [] } = logsForRun;
  return { cursor, hasMore, events };
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
