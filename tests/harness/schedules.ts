import type { Body } from "./answer.ts";
import { call } from "./client.ts";
import { expect } from "./expect.ts";
import { sql } from "./sql.ts";
import { stack } from "./stack.ts";
import type { User } from "./tenant.ts";
import { waitFor } from "./wait.ts";

/** A schedule of the pipeline that does not fire by itself while a test runs, unless told. */
export async function createSchedule(
  user: User,
  pipeline: Body,
  fields: Record<string, unknown> = {},
): Promise<Body> {
  const body = { type: "cron", expression: "0 0 29 2 *", ...fields };
  const trigger = expect(await user.post(`/pipelines/${pipeline.id}/triggers`, body), 201);
  await planned(trigger);
  return trigger;
}

/** Waits until a worker has computed when the schedule is due next. */
export async function planned({ id }: Body): Promise<void> {
  await wake();
  await waitFor(async () => {
    const [row] = await sql`select next_fire_at > now() or not is_active as done
      from public.pipeline_triggers where id = ${id}`;
    return row?.done;
  }, { what: `the plan of schedule ${id}` });
}

/** Calls the worker, as the clock does. */
export async function wake(): Promise<Body> {
  return expect(await call("POST", "/pipelines/worker", { apikey: stack.secretKey }), 200);
}

/** As if nothing had fired the schedule since then; wakes the worker and waits until it has. */
export async function fireSince(trigger: Body, due: string): Promise<void> {
  await sql`update public.pipeline_triggers
    set next_fire_at = ${due}::timestamptz, claimed_until = null where id = ${trigger.id}`;
  await planned(trigger);
}

/** What came of a schedule's times, the oldest first. */
export async function firingsOf(user: User, { id }: Body): Promise<Body[]> {
  const page = expect(await user.get(`/pipelines/triggers/${id}/firings?limit=100`), 200);
  return page.data.toSorted((a: Body, b: Body) =>
    Date.parse(a.scheduled_at) - Date.parse(b.scheduled_at)
  );
}
