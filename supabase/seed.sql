-- The demo organization, for development: run once on a new local database.
-- Sign in as demo@example.com with the password edgeloom-demo.

insert into auth.users (id, aud, role, email, encrypted_password, email_confirmed_at,
  confirmation_token, recovery_token, email_change, email_change_token_new,
  raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
values (
  '00000000-0000-4000-8000-00000000d000', 'authenticated', 'authenticated', 'demo@example.com',
  '$2b$10$td2Q6Yk0x3wpyDgD6zy7i.SpkrULgaRowAHNe8nqs.kVWEevGYZTq', now(), '', '', '', '',
  '{"provider": "email", "providers": ["email"]}', '{"full_name": "Demo"}', now(), now());

insert into auth.identities (id, provider, provider_id, user_id, identity_data, last_sign_in_at, created_at, updated_at)
values (
  '00000000-0000-4000-8000-00000000d000', 'email', '00000000-0000-4000-8000-00000000d000',
  '00000000-0000-4000-8000-00000000d000',
  '{"sub": "00000000-0000-4000-8000-00000000d000", "email": "demo@example.com", "email_verified": true}',
  now(), now(), now());

insert into public.organizations (id, name, slug, created_by)
values ('00000000-0000-4000-8000-00000000d001', 'Demo', 'demo', '00000000-0000-4000-8000-00000000d000');
insert into public.memberships (organization_id, user_id, role, status)
values ('00000000-0000-4000-8000-00000000d001', '00000000-0000-4000-8000-00000000d000', 'owner', 'active');

-- A small pipeline: the temperatures of a run's input, in another unit, averaged.
do $$
declare
  organization constant uuid := '00000000-0000-4000-8000-00000000d001';
  reading jsonb;
  average jsonb;
  conversion jsonb;
begin
  -- As the demo user, so that the rows are theirs.
  perform set_config('request.jwt.claim.sub', '00000000-0000-4000-8000-00000000d000', true),
    set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000d000"}', true);
  reading := public.create_block('celsius readings', 'dataset', '{"kind": "trigger"}',
    'The run''s input: [{"celsius": 21}]', organization_id => organization);
  average := public.create_block('average', 'model',
    '{"kind": "jsonata", "expression": "$average(input.fahrenheit)"}', organization_id => organization);
  conversion := public.create_edge('celsius to fahrenheit', '{
    "kind": "jsonata",
    "expression": "[input.{\"fahrenheit\": celsius * 9 / 5 + 32}]",
    "tests": [{"name": "water boils", "input": [{"celsius": 100}], "expect": [{"fahrenheit": 212}]}]
  }', organization_id => organization);
  perform public.create_pipeline('average temperature', organization_id => organization,
    blocks => jsonb_build_array(
      jsonb_build_object('block_id', reading -> 'id'), jsonb_build_object('block_id', average -> 'id')),
    edges => jsonb_build_array(jsonb_build_object('edge_id', conversion -> 'id',
      'source_block_id', reading -> 'id', 'target_block_id', average -> 'id')));
end $$;
