-- Jobs: what the database does by the clock.
--
-- Security definer functions: none. Jobs run as the database's owner, on call of pg_cron (hosted) or of
-- the local stack's scheduler.

-- Tables --------------------------------------------------------------------------------------

create table private.jobs (
  id uuid primary key default gen_random_uuid(),
  name text not null unique,
  every interval not null check (every > interval '0'),
  command text not null,
  started_at timestamptz,
  finished_at timestamptz,
  error text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table private.jobs is 'Commands by the clock. One entry of pg_cron runs whatever is due.';
comment on column private.jobs.error is 'What the last run failed with; null when it went well.';

-- Functions -----------------------------------------------------------------------------------

create function private.schedule_job(name text, every interval, command text) returns void
language sql set search_path = '' as $$
  insert into private.jobs (name, every, command)
  values (schedule_job.name, schedule_job.every, schedule_job.command)
  on conflict (name) do update set every = excluded.every, command = excluded.command
$$;
comment on function private.schedule_job is 'Has a statement run at least so far apart.';

create function private.run_jobs() returns integer
language plpgsql set search_path = '' as $$
declare
  job private.jobs;
  failure text;
  runs integer := 0;
begin
  for job in
    -- The rare ones last: what they lock stays locked until all are done.
    -- A call by the minute is never a minute after the last one to the millisecond: nearly is due.
    select * from private.jobs j
    where j.started_at is null or j.started_at + j.every * 0.9 <= clock_timestamp()
    order by j.every, j.name for update skip locked
  loop
    update private.jobs j set started_at = clock_timestamp() where j.id = job.id;
    failure := null;
    begin
      execute job.command;
    exception when query_canceled or others then
      failure := sqlerrm; -- One job that fails, or takes too long, keeps no other from running.
      raise warning 'Job % failed: %', job.name, failure;
    end;
    update private.jobs j set finished_at = clock_timestamp(), error = failure where j.id = job.id;
    runs := runs + 1;
  end loop;
  return runs;
end $$;
comment on function private.run_jobs is
  'Runs what is due, each job by one caller at a time; returns how many ran.';

-- Triggers ------------------------------------------------------------------------------------

create trigger set_updated_at before update on private.jobs
  for each row execute function private.set_updated_at();

-- Schedule ------------------------------------------------------------------------------------

-- Where there is no pg_cron, something else has to call run_jobs: the local scheduler does.
do $$
begin
  if exists (select from pg_available_extensions where name = 'pg_cron') then
    create extension if not exists pg_cron;
    perform cron.schedule('edgeloom-jobs', '* * * * *', 'select private.run_jobs()');
  end if;
exception when others then
  raise notice 'pg_cron can''t be used (%): call private.run_jobs() each minute from elsewhere', sqlerrm;
end $$;
