import { connect, type DatabaseClient, unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { embedTexts } from "@shared/llm/embeddings.ts";
import { indexModel } from "@shared/llm/index_model.ts";
import { describeError, log } from "@shared/log.ts";

/** Texts that one call of a provider embeds. */
const BATCH = 100;
/** Texts that are looked for at once. Those that can't be embedded now stay in front of the others. */
const ROWS = 500;
/** When nothing new is begun any more: a worker's caller waits. */
const WALL_MS = 10_000;

/** Housekeeping is nobody's: usage names no user. */
const NOBODY = "00000000-0000-0000-0000-000000000000";

/**
 * Embeds names and descriptions of blocks and edges that have changed, with the organizations' own keys
 * or else the platform's. What fails is left to the next time.
 *
 * @returns how many vectors were kept
 */
export async function refreshRepresentations(): Promise<number> {
  const model = indexModel();
  if (model === undefined) return 0;
  const service = connect({ kind: "service" });
  const ends = performance.now() + WALL_MS;
  let kept = 0;
  try {
    const stale = await unwrap(
      service.rpc("stale_representations", { model, max_rows: ROWS }),
    );
    for (const [organizationId, rows] of Map.groupBy(stale, (row) => row.organization_id)) {
      for (let start = 0; start < rows.length && performance.now() < ends; start += BATCH) {
        const batch = rows.slice(start, start + BATCH);
        const saved = await embedBatch(service, organizationId, model, batch);
        if (saved === undefined) break;
        kept += saved;
      }
    }
  } catch (error) {
    log("error", { representations: "not refreshed", error: describeError(error) });
  }
  return kept;
}

type Stale = { entity_type: string; entity_id: string; content: string; text_hash: string };

/** How many vectors were kept; undefined where the organization can't have any now. */
async function embedBatch(
  service: DatabaseClient,
  organizationId: string,
  model: string,
  rows: Stale[],
): Promise<number | undefined> {
  try {
    const context = { service, organizationId, userId: NOBODY };
    const texts = rows.map(({ content }) => content);
    const vectors = await embedTexts(context, { model, texts });
    const items = rows.map(({ entity_type, entity_id, text_hash }, index) => ({
      entity_type,
      entity_id,
      text_hash,
      embedding: vectors[index] ?? [],
    }));
    return await unwrap(service.rpc("save_representations", { model, items }));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // Its budget is spent, or nobody serves it the model: others' texts are embedded all the same.
    if (error.status >= 500) log("error", { representations: organizationId, error: error.code });
    return undefined;
  }
}
