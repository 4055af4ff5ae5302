-- Requests: what makes a POST safe to send twice (Idempotency-Key).
--
-- Security definer functions: none. Both commands run as the caller, under RLS.

-- Tables --------------------------------------------------------------------------------------

create table public.idempotency_keys (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  operation text not null check (char_length(operation) <= 500),
  key text not null check (char_length(key) between 1 and 255),
  request_hash text not null check (request_hash ~ '^[0-9a-f]{64}$'),
  status_code integer check (status_code between 200 and 203),
  response jsonb,
  locked_until timestamptz not null,
  expires_at timestamptz not null default now() + interval '24 hours',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (user_id, operation, key)
);
comment on table public.idempotency_keys is
  'The first answer to a request that carried an Idempotency-Key, kept for a day.';
create index idempotency_keys_expires_at_idx on public.idempotency_keys (user_id, expires_at);
comment on column public.idempotency_keys.operation is 'Method and path: a key means something within one operation.';
comment on column public.idempotency_keys.request_hash is 'SHA-256 of the body, hex.';
comment on column public.idempotency_keys.locked_until is
  'A request in flight holds the key until then; a killed one is taken over after it.';

-- Functions -----------------------------------------------------------------------------------

create function public.begin_idempotent_request(operation text, key text, request_hash text)
returns jsonb language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  known public.idempotency_keys;
begin
  delete from public.idempotency_keys k where k.user_id = auth.uid() and k.expires_at < now();
  insert into public.idempotency_keys (operation, key, request_hash, locked_until)
  values ($1, $2, $3, now() + interval '150 seconds')
  on conflict (user_id, operation, key) do update
    set request_hash = excluded.request_hash, locked_until = excluded.locked_until,
        expires_at = excluded.expires_at
    where idempotency_keys.status_code is null and idempotency_keys.locked_until < now()
      and idempotency_keys.request_hash = excluded.request_hash;
  if found then
    return jsonb_build_object('state', 'new');
  end if;
  select k.* into known from public.idempotency_keys k
  where k.user_id = auth.uid() and k.operation = $1 and k.key = $2;
  if known.request_hash <> $3 then
    perform private.raise_error(422, 'idempotency_key_reused', 'This Idempotency-Key came with another body before');
  elsif known.status_code is null then
    perform private.raise_error(409, 'request_in_flight', 'The first request with this Idempotency-Key is still running');
  end if;
  return jsonb_build_object('state', 'done', 'status_code', known.status_code, 'response', known.response);
end $$;
comment on function public.begin_idempotent_request is
  'Claims a key: new, or done with the first answer; refuses another body (422) and a request in flight (409).';

create function public.end_idempotent_request(
  operation text, key text, status_code integer default null, response jsonb default null
)
returns void language plpgsql set search_path = '' as $$
#variable_conflict use_column
begin
  if $3 is null then
    delete from public.idempotency_keys k where k.user_id = auth.uid() and k.operation = $1 and k.key = $2;
  else
    update public.idempotency_keys k set status_code = $3, response = $4
    where k.user_id = auth.uid() and k.operation = $1 and k.key = $2;
  end if;
end $$;
comment on function public.end_idempotent_request is
  'Keeps the answer; without a status the request did nothing and the key is free again.';

-- Triggers ------------------------------------------------------------------------------------

select private.guard_table('idempotency_keys', '{user_id,operation,key}');

-- RLS -----------------------------------------------------------------------------------------

-- Kept answers are data of whatever organization they came from: not for a step, which works in one.
create policy "A user reads their own idempotency keys" on public.idempotency_keys
  for select to authenticated
  using (user_id = (select private.acting_user_id()));
create policy "A user adds their own idempotency keys" on public.idempotency_keys
  for insert to authenticated
  with check (user_id = (select private.acting_user_id()));
create policy "A user changes their own idempotency keys" on public.idempotency_keys
  for update to authenticated
  using (user_id = (select private.acting_user_id()))
  with check (user_id = (select private.acting_user_id()));
create policy "A user removes their own idempotency keys" on public.idempotency_keys
  for delete to authenticated
  using (user_id = (select private.acting_user_id()));

-- Grants --------------------------------------------------------------------------------------

grant select, insert, update, delete on public.idempotency_keys to authenticated;
grant execute on function public.begin_idempotent_request, public.end_idempotent_request
  to authenticated, service_role;
