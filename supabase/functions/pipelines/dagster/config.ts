import { jsonSchema } from "@shared/json.ts";
import { z } from "zod";

/** Where a Dagster webserver answers; the database holds it against the same pattern. */
export const addressSchema = z.string().max(2000)
  .regex(/^https?:\/\/[^\s/?#@\\]+(\/[^\s?#\\]*)?$/, "Not the address of a Dagster webserver")
  .refine((url) => URL.canParse(url), "Not a URL")
  .describe("The webserver's address, as in `https://dagster.example.com`.");

const nameSchema = z.string().min(1).max(255);

export const locationSchema = nameSchema.describe(
  "The code location that runs definitions.py; `edgeloom` unless told.",
);
export const repositorySchema = nameSchema.describe(
  "The repository in it; `__repository__` unless told.",
);

const section = z.record(z.string(), jsonSchema).optional();

/** What a tenant may say of execution at a Dagster that is not theirs: how many processes. */
const sharedExecutionSchema = z.strictObject({
  config: z.strictObject({
    in_process: z.strictObject({}).optional(),
    multiprocess: z.strictObject({ max_concurrent: z.int().min(0).max(100).optional() }).optional(),
  }),
});

/** A pipeline's own words to Dagster: where it is, and what its runs are launched with. */
export const dagsterConfigSchema = z.strictObject({
  url: addressSchema.optional(),
  location: locationSchema.optional(),
  repository: repositorySchema.optional(),
  tags: z.record(nameSchema, z.string().max(1000)).optional()
    .describe("Added to the run on Dagster, as for its concurrency limits."),
  ops: section,
  resources: section,
  execution: section.describe(
    'As in `{"config": {"in_process": {}}}`: all steps in one process, one after the other.',
  ),
  loggers: section,
  inputs: section,
}).check(({ value, issues }) => {
  if (value.url !== undefined) return;
  const refuse = (path: string[], message: string) =>
    issues.push({ code: "custom", input: value, path, message });
  // The deployment's Dagster is everyone's: a tag of its launcher could name another image to run, and
  // a location another one to reload.
  for (const field of ["location", "repository", "resources", "loggers"] as const) {
    if (value[field] !== undefined) refuse([field], "Only with a Dagster of your own, in url");
  }
  for (const key of Object.keys(value.tags ?? {}).filter((key) => key.includes("/"))) {
    refuse(["tags", key], "A tag with a slash only with a Dagster of your own, in url");
  }
  if (value.execution && !sharedExecutionSchema.safeParse(value.execution).success) {
    refuse(["execution"], "Other than in_process or multiprocess only with a Dagster of your own");
  }
}).describe(
  "For `executor: dagster`: a Dagster of your own (`url`; it must have a public address, and without it " +
    "the deployment's is used), tags, and the sections of Dagster's run config. On the deployment's Dagster tags " +
    "have no slash, and location, repository, resources and loggers are not yours to set.",
);

export type DagsterConfig = z.infer<typeof dagsterConfigSchema>;

/** A Dagster, and who named it. */
export type Connection = {
  url: string;
  location: string;
  repository: string;
  /** Named by a tenant: reached at public addresses alone, and told no secret of the deployment. */
  isTenants: boolean;
  /** Gives up all that is asked of it. */
  signal?: AbortSignal;
};

export const DEFAULTS = { location: "edgeloom", repository: "__repository__" };

/** What a run's config and the deployment come to; undefined where neither names a Dagster. */
export function connectionOf(
  config: DagsterConfig,
  deployment: { url: string; location: string; repository: string } | null,
): Connection | undefined {
  const { url, location = DEFAULTS.location, repository = DEFAULTS.repository } = config;
  if (url !== undefined) return { url, location, repository, isTenants: true };
  return deployment ? { ...deployment, isTenants: false } : undefined;
}
