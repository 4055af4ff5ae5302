import { pageOf } from "@shared/page.ts";
import { z } from "zod";
import { blockTypeSchema, descriptionSchema } from "./schemas.ts";

/** What the catalog shows: categories, repositories, images, dependencies, finds. */

const time = z.string().describe("ISO 8601.");
const id = z.uuid();
const owned = { id, organization_id: id, created_at: time, updated_at: time };

export const entityTypeSchema = z.enum(["block", "edge"]);

/** What a row of the catalog is about. */
export const entityShape = {
  entity_type: entityTypeSchema.describe("Whether it is about a block or an edge."),
  entity_id: id.describe("The block's or the edge's id."),
};

export const categoryNameSchema = z.string().trim().min(1).max(200).describe(
  "Unique among the categories of the same parent, upper or lower case.",
);

export const categorySchema = z.object({
  ...owned,
  parent_id: id.nullable().describe("The category above; null at the top."),
  name: categoryNameSchema,
  description: descriptionSchema,
}).meta({ id: "TaxonomyCategory", description: "A place in the organization's taxonomy." });

export const categoryTreeSchema = categorySchema.extend({
  block_count: z.int().describe("Blocks right in it, not counting those below."),
  get children() {
    return z.array(categoryTreeSchema);
  },
}).meta({ id: "TaxonomyTree", description: "A category with all that is below it, by name." });

export const placedCategorySchema = categorySchema.extend({
  path: z.array(z.string()).describe("Names from the top down to this category."),
}).meta({ id: "PlacedCategory", description: "A category that a block is in." });

export const blockTaxonomySchema = pageOf(placedCategorySchema);

export const repoUrlSchema = z.string().max(2048).regex(
  /^(https?:\/\/[^\s@/]+\/[^\s@]+|ssh:\/\/[^\s:]+\S+|[\w.-]+@[\w.-]+:\S+)$/,
  "Expected an https, http or ssh address without a password or token",
).describe("Where it is cloned from. Without credentials: every member reads it.");

export const branchSchema = z.string().regex(/^[^\s~^:?*[\\]{1,250}$/, "This names no branch");

export const codeRepoSchema = z.object({
  ...owned,
  ...entityShape,
  repo_url: repoUrlSchema,
  branch: branchSchema,
  last_updated: time.nullable().describe("When the branch was last pushed to, as its hook told."),
  last_commit: z.string().nullable().describe("The branch's head after that push."),
}).meta({ id: "CodeRepo", description: "Where the code of a block or an edge is kept." });

export const buildStatusSchema = z.enum(["pending", "success", "failed"]);

export const registryUrlSchema = z.string().max(500).regex(
  /^https?:\/\/[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?(\/[^\s@]*)?$/,
  "Expected a registry's address, as in https://ghcr.io",
);
export const imageNameSchema = z.string().max(255).regex(
  /^[a-z0-9]+([._/-]+[a-z0-9]+)*$/,
  "Expected a repository's name, as in acme/weather",
).describe("The repository in the registry.");
export const imageTagSchema = z.string().regex(
  /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/,
  "Expected a tag, as in v1.0.0",
);
export const digestSchema = z.string().regex(
  /^sha256:[0-9a-f]{64}$/,
  "Expected sha256: and 64 hexadecimal digits",
);

export const dockerImageSchema = z.object({
  ...owned,
  ...entityShape,
  registry_url: registryUrlSchema,
  name: imageNameSchema,
  image_tag: imageTagSchema,
  digest: digestSchema.nullable().describe("What the tag stood for after the last good build."),
  build_status: buildStatusSchema,
  build_logs: z.string().describe("The end of the last build's log."),
  last_built_at: time.nullable().describe("When the last build ended, well or not."),
}).meta({ id: "DockerImage", description: "An image that a block or an edge runs in." });

export const dockerImageSummarySchema = dockerImageSchema.omit({ build_logs: true })
  .meta({ id: "DockerImageSummary", description: "An image without its log." });

const depended = {
  ...entityShape,
  id,
  organization_id: id,
  dependency_type: z.enum(["internal", "external"]),
  depends_on_type: entityTypeSchema.nullable(),
  depends_on_id: id.nullable(),
  package_name: z.string().nullable(),
  package_version: z.string().nullable(),
  dependency_detail: z.string().nullable().describe("Why, for people."),
  created_at: time,
};

export const dependencySchema = z.object({ ...depended, updated_at: time })
  .meta({ id: "Dependency", description: "What a block or an edge declares to depend on." });

export const knownDependencySchema = z.object({
  ...depended,
  source: z.enum(["declared", "pipeline"]).describe("Declared, or derived from pipelines."),
  depends_on_name: z.string().nullable(),
  pipeline_ids: z.array(id).describe("The pipelines that a derived one was found in."),
}).meta({ id: "KnownDependency", description: "What a block or an edge depends on." });

const nearSchema = z.object({
  entity_type: z.enum(["block", "edge", "pipeline"]),
  entity_id: id,
  pipeline_id: id.nullable().describe("The pipeline that joins the two; null if it is declared."),
});

export const impactSchema = z.object({
  subject: z.object({ ...entityShape, name: z.string() }),
  counts: z.object({
    blocks: z.int(),
    edges: z.int(),
    pipelines: z.int(),
    pipeline_triggers: z.int(),
  }),
  data: z.array(z.object({
    entity_type: z.enum(["block", "edge", "pipeline", "pipeline_trigger"]),
    entity_id: id,
    name: z.string().nullable(),
    depth: z.int().describe("Steps away, by the shortest way."),
    via: nearSchema.describe("What it depends on, one step nearer: follow it for the whole path."),
    details: z.record(z.string(), z.union([z.string(), z.boolean()])).describe(
      "A block's `block_type`; a pipeline's `status`; a trigger's `type` and whether it `is_active`.",
    ),
  })).describe("Nearest first."),
  truncated: z.boolean().describe("Whether there is more, farther away than what is shown."),
}).meta({ id: "Impact", description: "All that depends on a block or an edge." });

export const findSchema = z.object({
  entity_type: entityTypeSchema,
  id,
  name: z.string(),
  description: z.string().nullable(),
  block_type: blockTypeSchema.nullable(),
  score: z.number().describe("By reciprocal rank fusion; it compares within one search."),
  matched: z.array(z.enum(["meaning", "name", "text"])).describe("The ways that it was found by."),
  created_at: time,
  updated_at: time,
}).meta({ id: "RegistryFind", description: "A block or an edge that a search found." });
