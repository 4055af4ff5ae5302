import type postgres from "postgres";
import type { Queue } from "./queue.ts";

/**
 * A bare queue as pgmq makes one: `read` hides messages for a while, `delete` removes them; the two
 * functions do as pgmq's do. The least that a queue in PostgreSQL can cost.
 */
export async function createPgmqQueue(admin: postgres.Sql): Promise<Queue> {
  await admin.unsafe(SCHEMA);
  const fill = async (count: number) => {
    await admin`
      insert into bench_pgmq.q (vt, message)
      select now(), ${admin.json([{ weather: "drizzle", temp_max: 12.8 }])}
      from generate_series(1, ${count}::integer - (select count(*)::integer from bench_pgmq.q))`;
  };
  const takeBatch = async (sql: postgres.Sql, size: number) => {
    const messages = await sql<{ msg_id: string }[]>`select * from bench_pgmq.read(60, ${size})`;
    const ids = messages.map(({ msg_id }) => msg_id);
    await sql`select count(*) from bench_pgmq.delete(${ids}::bigint[])`;
    return messages.length;
  };
  return { fill, takeBatch };
}

const SCHEMA = `
  create schema bench_pgmq;
  create table bench_pgmq.q (
    msg_id bigint generated always as identity primary key,
    read_ct integer not null default 0,
    enqueued_at timestamptz not null default now(),
    vt timestamptz not null,
    message jsonb
  );
  create index on bench_pgmq.q (vt);
  create function bench_pgmq.read(seconds integer, qty integer) returns setof bench_pgmq.q language plpgsql as $$
  begin
    -- Executed as text, as pgmq does: planned for the very limit.
    return query execute $sql$
      with cte as (
        select msg_id from bench_pgmq.q where vt <= clock_timestamp()
        order by msg_id limit $1 for update skip locked
      )
      update bench_pgmq.q m set vt = clock_timestamp() + make_interval(secs => $2), read_ct = read_ct + 1
      from cte where m.msg_id = cte.msg_id returning m.*
    $sql$ using qty, seconds;
  end $$;
  create function bench_pgmq.delete(ids bigint[]) returns setof bigint language sql as $$
    delete from bench_pgmq.q where msg_id = any (ids) returning msg_id
  $$;
  grant usage on schema bench_pgmq to service_role;
  grant all on bench_pgmq.q to service_role;
  grant execute on all functions in schema bench_pgmq to service_role;`;
