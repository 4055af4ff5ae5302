import { unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { embedTexts } from "@shared/llm/embeddings.ts";
import { indexModel } from "@shared/llm/index_model.ts";
import type { RouteContext } from "@shared/route.ts";

/** Nobody waits longer for a search by meaning, in ms: one by words is there at once. */
const PATIENCE_MS = 2_000;

/**
 * The vector of a query, on the caller's account; nothing where texts are not embedded, or their model
 * fails: the search goes by words then.
 */
export async function embedQuery(
  { caller, database, service, requestId }: Pick<
    RouteContext<unknown, unknown, unknown>,
    "caller" | "database" | "service" | "requestId"
  >,
  organizationId: string,
  text: string,
): Promise<{ embedding?: number[]; model?: string }> {
  const model = indexModel();
  if (model === undefined || caller.kind !== "user") return {};
  const some = await unwrap(
    database.from("vector_representations").select("id")
      .match({ organization_id: organizationId, vector_db: "pgvector", model }).limit(1),
  );
  if (some.length === 0) return {};
  const context = {
    service: service(),
    organizationId,
    userId: caller.userId,
    apiKeyId: caller.apiKeyId,
    requestId,
    signal: AbortSignal.timeout(PATIENCE_MS),
  };
  try {
    const [embedding] = await embedTexts(context, { model, texts: [text] });
    return embedding?.length ? { embedding, model } : {};
  } catch (error) {
    if (error instanceof ApiError) return {};
    throw error;
  }
}
