import type postgres from "postgres";

/** A log to make. */
export type LogToMake = {
  /** Whose log it is. */
  organizationId: string;
  /** A member who is among the actors. */
  userId: string;
  /** So many rows are the organization's; others have a fifth as many in between. */
  rows: number;
  /** So many months, this one among them, have a partition each. */
  months: number;
};

/** Words of names; the rest of a name is drawn from {@link WORDS}. */
export const FREQUENT_WORD = "weather";
export const RARE_WORD = "quokka";

/** A type and an action that ten rows have. */
export const RARE_TYPE = "platform_admin";
export const RARE_ACTION = "DELETE";

const ACTORS = 200;
const KEYS = 50;
const OTHERS = 5;
const TYPES = [
  ...Array<string>(40).fill("block"),
  ...Array<string>(25).fill("block_version"),
  ...Array<string>(15).fill("pipeline_run"),
  ...Array<string>(8).fill("pipeline"),
  ...Array<string>(5).fill("edge"),
  ...["edge_version", "edge_version", "edge_version", "membership", "membership", "api_key"],
  "organization",
];
const WORDS =
  ("amber birch cedar delta ember fjord glade harbor island juniper kelp lagoon meadow " +
    "nectar orchard prairie quartz river sierra tundra umber valley willow xenon yarrow zephyr basalt " +
    "canyon dune estuary").split(" ");

/**
 * Fills the log evenly over its months: a few actors and keys are busy and most are not, requests have
 * three rows each, entities about ten with one name, and every fifth entity is named after the frequent
 * word. The same rows each time, but for the organization's id.
 */
export async function fillAuditLog(
  sql: postgres.Sql,
  { organizationId, userId, rows, months }: LogToMake,
): Promise<void> {
  await sql`
    select private.make_audit_partition(date_trunc('month', now(), 'UTC') - make_interval(months => back))
    from generate_series(1, ${months - 1}::integer) back`;
  const total = rows * (OTHERS + 1) / OTHERS;
  await sql.unsafe(`
    create or replace function pg_temp.uuid_of(name text) returns uuid language sql immutable as $$
      select overlay(overlay(md5(name) placing '4' from 13) placing '8' from 17)::uuid $$`);
  await sql`select setseed(0.5)`;
  await sql`
    insert into public.audit_logs (organization_id, actor_id, actor_type, api_key_id, action_type,
      entity_type, entity_id, entity_name, occurred_at, details, ip_address, user_agent, request_id)
    select
      case when is_other then pg_temp.uuid_of('organization ' || n / ${OTHERS + 1} % ${OTHERS})
        else ${organizationId}::uuid end,
      case when actor = 0 then ${userId}::uuid else pg_temp.uuid_of('actor ' || actor) end,
      (case when key is null then 'user' else 'api_key' end)::public.audit_actor,
      pg_temp.uuid_of('key ' || key),
      (case when n % (${total}::integer / 10) = 2 then ${RARE_ACTION}
        when action < 0.6 then 'UPDATE' when action < 0.99 then 'CREATE' else 'READ'
        end)::public.audit_action,
      case when n % (${total}::integer / 10) = 1 then ${RARE_TYPE}
        else (${TYPES}::text[])[1 + entity * 7919 % 100] end,
      pg_temp.uuid_of('entity ' || entity),
      case when n % (${total}::integer / 10) = 3 then ${RARE_WORD} else
        (${WORDS}::text[])[1 + entity % 30] || case when entity % 5 = 0 then ${
    " " + FREQUENT_WORD + " "
  } else ' ' end
        || (${WORDS}::text[])[1 + entity / 30 % 30] || ' ' || entity end,
      started + (now() - started) * (n / ${total}::double precision),
      jsonb_build_object('new', jsonb_build_object('id', pg_temp.uuid_of('entity ' || entity),
        'description', repeat('What the sky did, by day. ', 8), 'revision', n)),
      '203.0.113.7', 'Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101',
      pg_temp.uuid_of('request ' || n / 3)::text
    from (
      select n, n % ${OTHERS + 1} = 0 as is_other, random() as action,
        floor(${ACTORS} * power(random(), 3))::integer as actor,
        case when random() < 0.3 then floor(${KEYS} * random())::integer end as key,
        floor(${total}::integer / 10 * random())::integer as entity,
        date_trunc('month', now(), 'UTC') - make_interval(months => ${months - 1}) as started
      from generate_series(1, ${total}::integer) n
    ) drawn`;
  await sql`vacuum analyze public.audit_logs`;
}
