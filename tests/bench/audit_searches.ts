import type postgres from "postgres";
import { toPage } from "@shared/page.ts";
import { FREQUENT_WORD, RARE_ACTION, RARE_TYPE, RARE_WORD } from "./audit_rows.ts";

/** A page to ask for; where it begins, for the rpc and for the route. */
export type Query = {
  filters: Record<string, string>;
  after?: { occurred_at: string; id: string };
  cursor?: string;
};

/** Queries of one kind, in turn, so that it is not one page that is measured. */
export class Search {
  readonly #queries: Query[];
  #asked = 0;

  constructor(queries: Query[]) {
    this.#queries = queries;
  }

  next(): Query {
    const query = this.#queries[this.#asked % this.#queries.length];
    this.#asked += 1;
    return query ?? { filters: {} };
  }
}

type Row = Record<
  | "id"
  | "entity_id"
  | "actor_id"
  | "api_key_id"
  | "request_id"
  | "occurred_at"
  | "entity_name"
  | "month_before",
  string
>;

const SAMPLES = 40;

/** Each filter of the log alone, with values of an organization's own. */
export async function sampleSearches(
  sql: postgres.Sql,
  organizationId: string,
): Promise<Map<string, Search>> {
  const rows = await sql<Row[]>`
    select id, entity_id, actor_id, api_key_id, request_id,
      to_json(occurred_at) #>> '{}' as occurred_at,
      to_json(occurred_at - interval '30 days') #>> '{}' as month_before, entity_name
    from public.audit_logs
    where organization_id = ${organizationId} and api_key_id is not null
    order by md5(id::text) limit ${SAMPLES}`;
  const each = (filtersOf: (row: Row) => Record<string, string>) =>
    new Search(rows.map((row) => ({ filters: filtersOf(row) })));
  const one = (filters: Record<string, string>) => new Search([{ filters }]);
  return new Map([
    ["no filter", one({})],
    ["no filter, deep cursor", new Search(rows.map(followed))],
    ["entity_type, frequent", one({ entity_type: "block" })],
    ["entity_type, rare", one({ entity_type: RARE_TYPE })],
    ["entity_id", each(({ entity_id }) => ({ entity_id }))],
    ["action_type, frequent", one({ action_type: "UPDATE" })],
    ["action_type, rare", one({ action_type: RARE_ACTION })],
    ["actor_id", each(({ actor_id }) => ({ actor_id }))],
    ["api_key_id", each(({ api_key_id }) => ({ api_key_id }))],
    ["request_id", each(({ request_id }) => ({ request_id }))],
    ["from", each(({ occurred_at: from }) => ({ from }))],
    ["to", each(({ occurred_at: to }) => ({ to }))],
    ["from and to", each(({ month_before: from, occurred_at: to }) => ({ from, to }))],
    ["q, frequent", one({ q: FREQUENT_WORD })],
    ["q, one in a thousand", one({ q: "delta canyon" })],
    ["q, one entity", each(({ entity_name: q }) => ({ q }))],
    ["q, rare", one({ q: RARE_WORD })],
    ["q, unknown", one({ q: "nobody named it so" })],
  ]);
}

function followed({ occurred_at, id }: Row): Query {
  const after = { occurred_at, id };
  const { next_cursor } = toPage([after, after], 1, () => [occurred_at, id]);
  return { filters: {}, after, cursor: next_cursor ?? "" };
}
