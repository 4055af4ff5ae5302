import { unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { requireDagster } from "../dagster/check.ts";
import { addressSchema, DEFAULTS, locationSchema, repositorySchema } from "../dagster/config.ts";

/** The deployment's Dagster: of all pipelines with `executor: dagster` that name none of their own. */

const path = "/dagster";
const columns = "url, location, repository, created_at, updated_at";

const accessSchema = z.object({
  url: addressSchema,
  location: locationSchema,
  repository: repositorySchema,
  created_at: z.string(),
  updated_at: z.string(),
}).meta({ id: "DagsterConnection", description: "Where the deployment's Dagster is." });

const connectDagster = createRoute({
  method: "put",
  path,
  auth: "service",
  operationId: "connect_dagster",
  summary: "Connect Dagster",
  description:
    "Names the Dagster that runs pipelines with `executor: dagster`. It is asked for its version first: an address " +
    "where Dagster does not answer is refused, and nothing is stored. Headers that it wants are in the function's " +
    "environment, as JSON in EDGELOOM_DAGSTER_HEADERS.",
  body: z.strictObject({
    url: addressSchema,
    location: locationSchema.default(DEFAULTS.location),
    repository: repositorySchema.default(DEFAULTS.repository),
  }),
  example: { url: "https://dagster.example.com" },
  answers: {
    200: {
      description: "The connection.",
      schema: accessSchema.extend({ version: z.string().describe("Dagster's own version.") }),
    },
  },
}, async ({ body, service }) => {
  const version = await requireDagster({ url: body.url, isTenants: false }, "url");
  const row = accessSchema.parse(await unwrap(service().rpc("connect_dagster", body)));
  return { ...row, version };
});

const getConnection = createRoute({
  method: "get",
  path,
  auth: "service",
  operationId: "get_dagster",
  summary: "Get the connection to Dagster",
  description: "Where the deployment's Dagster is, as stored.",
  answers: { 200: { description: "The connection.", schema: accessSchema } },
  errors: ["not_found"],
}, async ({ service }) => {
  const row = await unwrap(
    service().from("dagster_access").select(columns).eq("is_active", true).maybeSingle(),
  );
  if (row) return row;
  throw new ApiError("not_found", "No Dagster is connected");
});

const disconnectDagster = createRoute({
  method: "delete",
  path,
  auth: "service",
  operationId: "disconnect_dagster",
  summary: "Disconnect Dagster",
  description:
    "No run starts on the deployment's Dagster any more. Those that are on it wait for another one.",
  answers: { 204: { description: "Disconnected, if it was connected." } },
}, async ({ service }) => {
  await unwrap(service().from("dagster_access").delete().eq("is_active", true));
});

export const dagsterConnection = [connectDagster, getConnection, disconnectDagster];
