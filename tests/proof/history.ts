import type { ProofServer } from "./server.ts";

/** A log of what becomes of each step, that no part of the engine writes or reads. */
export async function keepHistory(server: ProofServer): Promise<void> {
  await server.run(`
    create schema proof;
    create table proof.moves (
      id bigint generated always as identity primary key,
      run_id uuid not null, step_id uuid not null, was text not null, became text not null,
      attempt integer not null, pending_parents integer not null);
    create index on proof.moves (step_id);
    create function proof.keep_move() returns trigger language plpgsql security definer set search_path = '' as $$
    begin
      insert into proof.moves (run_id, step_id, was, became, attempt, pending_parents)
      values (new.run_id, new.id, old.status, new.status, new.attempt, new.pending_parents);
      return null;
    end $$;
    create trigger keep_move after update on public.run_steps
      for each row when (old.status is distinct from new.status or old.attempt is distinct from new.attempt
        or new.pending_parents < 0) execute function proof.keep_move();`);
}

/** What must not be found when all runs have ended: each query returns what breaks its rule. */
const RULES: Record<string, string> = {
  "a run has not ended": `
    select id, status from public.pipeline_runs where finished_at is null`,
  "a run failed": `
    select id, error from public.pipeline_runs where status = 'failed'`,
  "a step has not ended": `
    select id, run_id, status, attempt from public.run_steps
    where status not in ('succeeded', 'failed', 'skipped', 'canceled')`,
  "a succeeded run has a step that did not succeed, or waits for parents": `
    select s.id, s.status, s.pending_parents from public.run_steps s
    join public.pipeline_runs r on r.id = s.run_id
    where r.status = 'succeeded' and (s.status <> 'succeeded' or s.pending_parents <> 0)`,
  "a counter of parents is not what is left of them": `
    select s.id, s.pending_parents from public.run_steps s
    where s.pending_parents <> (select count(*) from public.run_steps p
      where p.run_id = s.run_id and s.id = any (p.child_ids) and p.status <> 'succeeded')`,
  "a step did not succeed exactly once": `
    select s.id, s.status, m.times from public.run_steps s
    cross join lateral (select count(*) as times from proof.moves m where m.step_id = s.id and m.became = 'succeeded') m
    where m.times <> (s.status = 'succeeded')::integer`,
  "a step has not one event of its success": `
    select s.id, s.status, e.times from public.run_steps s
    cross join lateral (select count(*) as times from public.run_events e
      where e.run_id = s.run_id and e.step_id = s.id and e.event_type = 'step.succeeded') e
    where e.times <> (s.status = 'succeeded')::integer`,
  "a child was not enqueued once": `
    select s.id, s.status, m.times from public.run_steps s
    cross join lateral (select count(*) as times from proof.moves m
      where m.step_id = s.id and m.was = 'blocked' and m.became = 'ready') m
    where m.times > (s.incoming <> '[]')::integer
      or (s.status = 'succeeded' and m.times <> (s.incoming <> '[]')::integer)`,
  "a step moved after its end": `
    select * from proof.moves where was in ('succeeded', 'failed', 'skipped', 'canceled')`,
  "a step was claimed while it was running": `
    select * from proof.moves where became = 'running' and was <> 'ready'`,
  "attempts and their events differ": `
    select s.id, s.attempt, e.events, e.numbers from public.run_steps s
    cross join lateral (select count(*) as events, count(distinct e.data ->> 'attempt') as numbers
      from public.run_events e
      where e.run_id = s.run_id and e.step_id = s.id and e.event_type = 'step.started') e
    where s.attempt <> e.events or s.attempt <> e.numbers`,
  "a run has not one end": `
    select r.id, r.status, e.ends from public.pipeline_runs r
    cross join lateral (select array_agg(e.event_type) as ends from public.run_events e
      where e.run_id = r.id and e.event_type in ('run.succeeded', 'run.failed', 'run.canceled')) e
    where e.ends is distinct from array['run.' || r.status]`,
  "something succeeded after a cancel": `
    select e.* from public.run_events e join public.run_events c on c.run_id = e.run_id
      and c.event_type = 'run.canceling' and (e.transaction_id, e.sequence) > (c.transaction_id, c.sequence)
    where e.event_type in ('step.succeeded', 'run.succeeded')`,
};

/** Nothing happens to sessions any more when the rules are looked at, and some look at each step's past. */
const JUDGE_MS = 300_000;

/** The rules that are broken, each with a few examples. */
export async function brokenRules(server: ProofServer): Promise<string[]> {
  const broken: string[] = [];
  await server.run("analyze", JUDGE_MS);
  for (const [rule, query] of Object.entries(RULES)) {
    const rows = await server.run(query, JUDGE_MS);
    if (rows.length > 0) {
      broken.push(`${rule} (${rows.length} times): ${JSON.stringify(rows.slice(0, 3))}`);
    }
  }
  return broken;
}
