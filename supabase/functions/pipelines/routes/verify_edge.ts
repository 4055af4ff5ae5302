import { unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { storableText } from "@shared/json.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { verificationSchema } from "../schemas.ts";
import { edgeSpecSchema } from "../specs.ts";

export const verifyEdge = createRoute({
  method: "post",
  path: "/edges/{edge_id}/verifications",
  auth: "user",
  scope: "pipelines:run",
  operationId: "verify_edge",
  summary: "Verify an edge",
  description:
    "Runs the tests of the edge's current version in the sandbox. An edge enters runs only after it passed.",
  params: z.object({ edge_id: z.uuid() }),
  answers: {
    201: {
      description: "The verification, passed or failed, with its log.",
      schema: verificationSchema,
    },
  },
}, async ({ params, database, service }) => {
  const edge = await unwrap(
    database.from("edges").select("version:edge_versions!edges_current_version_fkey(id,spec)")
      .eq("id", params.edge_id).maybeSingle(),
  );
  if (!edge?.version) throw new ApiError("not_found", `No edge with id ${params.edge_id}`);

  const { id } = await unwrap(
    database.from("edge_verifications").insert({ edge_version_id: edge.version.id }).select("id")
      .single(),
  );
  const { passed, logs } = await judge(edge.version.spec);
  // The verdict is the service's to write: a client that could would verify its own edges.
  return await unwrap(
    service().from("edge_verifications").update({
      verification_status: passed ? "passed" : "failed",
      // It may quote what the author's code made.
      verification_logs: storableText(logs.slice(0, 200_000)),
      verified_at: new Date().toISOString(),
    }).eq("id", id).select().single(),
  );
});

async function judge(spec: unknown): Promise<{ passed: boolean; logs: string }> {
  const parsed = edgeSpecSchema.safeParse(spec);
  if (!parsed.success) {
    return { passed: false, logs: `The spec is not valid: ${z.prettifyError(parsed.error)}` };
  }
  const edge = await import("../execution/edge.ts");
  return await edge.verifyEdge(parsed.data);
}
