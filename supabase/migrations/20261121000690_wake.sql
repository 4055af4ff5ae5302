-- Waking (domain pipelines): the clock calls the worker when there is work.
--
-- Hosted, pg_cron asks every ten seconds and pg_net calls, with a token that opens POST /pipelines/worker
-- and nothing else: the project's secret key never enters the database. Locally the stack's scheduler does it.
-- Security definer functions, and why they must be:
--   private.worker_token_is   no role of the API may read the token's table

-- Tables --------------------------------------------------------------------------------------

create table private.worker_access (
  id uuid primary key default gen_random_uuid(),
  is_only boolean not null default true unique check (is_only),
  url text check (url ~ '^https?://[^/?#\s]+$'),
  token text not null default
    replace(gen_random_uuid()::text, '-', '') || replace(gen_random_uuid()::text, '-', '') check (token ~ '^[0-9a-f]{64}$'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table private.worker_access is 'One row: where the worker is, and what the database calls it with.';
comment on column private.worker_access.url is 'The project''s URL, by private.set_worker_url; without it nobody is called.';
comment on column private.worker_access.token is 'Good for the worker alone. A new one takes effect at once.';
insert into private.worker_access default values;

-- Functions -----------------------------------------------------------------------------------

create function private.worker_needed() returns boolean
language sql stable set search_path = '' as $$
  select private.steps_due()
    or private.schedules_due()
    or private.deliveries_due()
    or private.dagster_due()
$$;
comment on function private.worker_needed is 'What the clock asks before it wakes a worker.';

create function private.set_worker_url(url text) returns void
language sql set search_path = '' as $$
  update private.worker_access set url = regexp_replace(set_worker_url.url, '/+$', '') where true
$$;
comment on function private.set_worker_url is 'Names the project''s URL, as in https://<ref>.supabase.co, once after the first deployment.';

create function private.worker_token_is(token_hash text) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (
    select 1 from private.worker_access a
    where encode(sha256(convert_to(a.token, 'UTF8')), 'hex') = worker_token_is.token_hash)
$$;
comment on function private.worker_token_is is 'Compares SHA-256 with SHA-256: how long it takes tells nothing of the token.';

create function public.check_worker_token(token_hash text) returns boolean
language sql stable set search_path = '' as $$
  select private.worker_token_is(token_hash)
$$;
comment on function public.check_worker_token is 'Whether the SHA-256 (hex) of a token is that of the worker''s.';

create function private.wake_worker() returns boolean
language plpgsql set search_path = '' as $$
declare
  access private.worker_access;
begin
  select * into access from private.worker_access;
  if access.url is null or not private.worker_needed() then
    return false;
  end if;
  -- Named at run time, because only a hosted project has pg_net. The worker answers such a call at once.
  execute 'select net.http_post(url := $1, headers := $2, body := $3)' using
    access.url || '/functions/v1/pipelines/worker',
    jsonb_build_object('content-type', 'application/json', 'x-worker-token', access.token), '{}'::jsonb;
  return true;
end $$;
comment on function private.wake_worker is 'Calls the worker over pg_net if there is work; returns whether it did.';

-- Triggers ------------------------------------------------------------------------------------

create trigger set_updated_at before update on private.worker_access
  for each row execute function private.set_updated_at();

-- Grants --------------------------------------------------------------------------------------

grant execute on function private.worker_needed, private.worker_token_is to service_role;
grant execute on function public.check_worker_token to service_role;

-- Schedule ------------------------------------------------------------------------------------

do $$
begin
  if (select count(*) from pg_available_extensions where name in ('pg_cron', 'pg_net')) = 2 then
    create extension if not exists pg_cron;
    create extension if not exists pg_net with schema extensions;
    begin
      perform cron.schedule('edgeloom-wake', '10 seconds', 'select private.wake_worker()');
    exception when others then
      perform cron.schedule('edgeloom-wake', '* * * * *', 'select private.wake_worker()'); -- Before pg_cron 1.5.
    end;
    -- It notes each run, and forgets none by itself.
    perform private.schedule_job('forget cron runs', '1 hour',
      $job$delete from cron.job_run_details where end_time < now() - interval '1 day'$job$);
  end if;
exception when others then
  raise notice 'pg_cron or pg_net can''t be used (%): call POST /pipelines/worker each minute from elsewhere', sqlerrm;
end $$;
