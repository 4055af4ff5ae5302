import assert from "node:assert/strict";
import { openEvents, type ServerEvent } from "../harness/events.ts";
import { expect } from "../harness/expect.ts";
import { type holding, keyOf, revoke } from "../harness/keys.ts";
import { createSmallPipeline } from "../harness/pipelines.ts";
import { sql } from "../harness/sql.ts";
import { stack } from "../harness/stack.ts";
import { createTenant, createUser } from "../harness/tenant.ts";

type Caller = ReturnType<typeof holding>;

/** A run that never ends: it has no steps for a worker to take. */
async function createEndlessRun(user: Caller): Promise<string> {
  const { id } = await createSmallPipeline(user);
  const [run] = await sql`
    insert into public.pipeline_runs (organization_id, pipeline_id, definition, status, started_at)
    values (${user.organizationId}, ${id}, '{}', 'running', now()) returning id`;
  return run?.id;
}

const tell = (user: Caller, runId: string) =>
  sql`insert into public.run_events (organization_id, run_id, event_type)
    values (${user.organizationId}, ${runId}, 'run.waiting')`;

/** Reads a stream to its end; says how it ended. */
async function drain(events: AsyncGenerator<ServerEvent>) {
  const later: ServerEvent[] = [];
  try {
    for await (const event of events) later.push(event);
    return { later, how: "ended" };
  } catch {
    return { later, how: "broke off" };
  }
}

Deno.test("a run's events stop soon after the key that reads them is stopped", async (t) => {
  const stops: Record<string, (caller: Caller, keyId: string) => Promise<unknown>> = {
    "it is revoked": (_, id) => revoke(id),
    "it is switched off": (_, id) =>
      sql`update public.api_keys set is_active = false where id = ${id}`,
    "its user is suspended": ({ id, organizationId }) =>
      sql`update public.memberships set status = 'suspended'
        where user_id = ${id} and organization_id = ${organizationId}`,
  };
  const tenant = await createTenant();
  for (const [name, stop] of Object.entries(stops)) {
    await t.step(name, async () => {
      const user = await tenant.join("member");
      const { caller, row } = await keyOf(user);
      const run = await createEndlessRun(user);
      await tell(user, run);
      const events = await openEvents(caller, run);
      assert.equal((await events.next()).value.event, "run.waiting");
      await tell(user, run);
      assert.equal((await events.next()).value.event, "run.waiting", "it goes on while it may");
      await stop(caller, row.id);
      await tell(user, run);
      // The stream by itself would last two minutes.
      const started = performance.now();
      const { later, how } = await drain(events);
      assert.equal(how, "broke off");
      assert.deepEqual(later, [], "nothing that came after is told");
      assert.ok(performance.now() - started < 20_000);
    });
  }
});

Deno.test("a stream costs a limited key one call", async () => {
  const user = await createUser();
  const { caller, row } = await keyOf(user, ["pipelines:read"], { rate_limit: 1 });
  const run = await createEndlessRun(user);
  await tell(user, run);
  const events = await openEvents(caller, run);
  for (let count = 0; count < 4; count++) {
    assert.equal((await events.next()).value.event, "run.waiting");
    await tell(user, run);
  }
  const [usage] = await sql`select current_count from public.api_key_usage where id = ${row.id}`;
  assert.equal(usage?.current_count, 1);
  await events.return(undefined);
});

Deno.test("an export breaks off soon after the key that reads it is revoked", async () => {
  const { owner } = await createTenant();
  const { caller, row } = await keyOf(owner, ["audit:read"]);
  const total = 3000;
  await sql`insert into public.audit_logs (organization_id, actor_type, action_type, entity_type, details)
    select ${owner.organizationId}, 'system', 'UPDATE', 'test', jsonb_build_object('new', repeat('x', 10000))
    from generate_series(1, ${total})`;
  const open = () =>
    fetch(`${stack.url}/functions/v1/audit/export?format=ndjson&entity_type=test`, {
      headers: { apikey: stack.publishableKey, authorization: `Bearer ${caller.token}` },
    });
  const answer = await open();
  assert.equal(answer.status, 200);
  const reader = answer.body?.getReader();
  assert.ok(reader);
  let bytes = (await reader.read()).value?.length ?? 0;
  await revoke(row.id);
  await assert.rejects(async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      bytes += part.value.length;
    }
  });
  assert.ok(bytes > 0 && bytes < total * 10_000, `${bytes} bytes came`);
  expect({ status: (await open()).status, headers: answer.headers, body: "" }, 401);
});
