import assert from "node:assert/strict";
import { Server } from "../harness/server.ts";
import { waitFor } from "../harness/wait.ts";
import { HAS_SERVER } from "../local/postgres_server.ts";

/** What only happens between real sessions: many workers and senders at once. */
const options = { ignore: !HAS_SERVER };
const WORKERS = 16;

const DUE = "2024-02-29T00:00:00Z";
const NEXT = "2028-02-29T00:00:00Z";

Deno.test("triggers on a PostgreSQL server", options, (t) =>
  Server.with(async (server) => {
    const { sql } = server;
    const { userId, organizationId } = await server.createTeam();

    const pipeline = async (): Promise<string> => {
      const name = crypto.randomUUID();
      const [row] = await server.as(userId, async (as) => {
        const [block] = await as`
          select public.create_block(${name}, 'dataset', '{"kind": "trigger"}',
            organization_id => ${organizationId}) ->> 'id' as id`;
        const blocks = as.json([{ block_id: block?.id }]);
        return as`select public.create_pipeline(${name}, blocks => ${blocks},
          organization_id => ${organizationId}) ->> 'id' as id`;
      });
      return row?.id;
    };
    /** A schedule that was due at {@link DUE}. */
    const schedule = async (overlap = "skip"): Promise<string> => {
      const pipelineId = await pipeline();
      const [row] = await sql`
        insert into public.pipeline_triggers
          (pipeline_id, type, expression, timezone, catch_up, overlap, input, created_by)
        values (${pipelineId}, 'cron', '0 0 29 2 *', 'UTC', 'all', ${overlap}, '{}', ${userId}) returning id`;
      await sql`update public.pipeline_triggers set next_fire_at = ${DUE} where id = ${row?.id}`;
      return row?.id;
    };
    const fire = async (id: string, times = [DUE], due = DUE): Promise<boolean> => {
      const firing = sql.json({
        times,
        passed_over: 0,
        latest_missed: null,
        next_fire_at: NEXT,
      });
      const [row] = await sql`select public.fire_schedule(${id}, ${due}, ${firing}) as fired`;
      return row?.fired;
    };
    const startQueued = async () => {
      const [row] = await sql`select public.start_queued_firings(20) as started`;
      return row?.started;
    };
    const claim = async (seconds: number): Promise<string[]> => {
      const [row] = await sql`select public.claim_schedules(100, ${seconds}) as claim`;
      return row?.claim.schedules.map(({ trigger_id }: { trigger_id: string }) => trigger_id);
    };
    const runsOf = (id: string) =>
      sql`select id, status from public.pipeline_runs where trigger_id = ${id}`;
    const endRuns = (id: string) =>
      sql`update public.pipeline_runs set status = 'succeeded', finished_at = now()
        where trigger_id = ${id} and finished_at is null`;
    const every = <T>(work: () => Promise<T>, times = WORKERS) =>
      Promise.all(Array.from({ length: times }, work));

    await t.step("a due schedule is claimed by one worker", async () => {
      const ids = await Promise.all([schedule(), schedule(), schedule()]);
      const claimed = (await every(() => claim(30))).flat();
      assert.deepEqual(claimed.toSorted(), ids.toSorted());
      await Promise.all(ids.map((id) => fire(id)));
    });
    await t.step("and by another one when the first has died with it", async () => {
      const id = await schedule();
      assert.deepEqual(await claim(0), [id]);
      const dead = await server.open();
      await dead.sql`select public.fire_schedule(${id}, ${DUE}, ${
        dead.sql.json({ times: [DUE], passed_over: 0, latest_missed: null, next_fire_at: NEXT })
      })`;
      await dead.kill();
      assert.equal((await runsOf(id)).length, 0);
      assert.deepEqual(await claim(30), [id]);
      assert.equal(await fire(id), true);
      assert.equal((await runsOf(id)).length, 1);
    });
    await t.step("a time starts one run, however many workers fire it", async () => {
      for (let round = 0; round < 5; round++) {
        const id = await schedule();
        const fired = await every(() => fire(id));
        assert.equal(fired.filter((won) => won).length, 1);
        assert.equal((await runsOf(id)).length, 1);
      }
    });
    await t.step("also when the clock is put back", async () => {
      const id = await schedule();
      await fire(id);
      await endRuns(id);
      await sql`update public.pipeline_triggers set next_fire_at = ${DUE} where id = ${id}`;
      assert.equal(await fire(id), true);
      assert.equal((await runsOf(id)).length, 1);
    });
    await t.step("what a worker computed of an older plan changes nothing", async () => {
      const id = await schedule();
      await sql`update public.pipeline_triggers set expression = '0 0 1 1 *' where id = ${id}`;
      assert.equal(await fire(id), false);
      assert.equal((await runsOf(id)).length, 0);
    });
    await t.step("queued firings start one at a time, under many workers", async () => {
      const id = await schedule("queue");
      await fire(id, ["2016-02-29T00:00:00Z", "2020-02-29T00:00:00Z", DUE]);
      for (let runs = 1; runs <= 3; runs++) {
        assert.equal((await runsOf(id)).length, runs);
        const started = await every(startQueued);
        assert.deepEqual(new Set(started), new Set([0]), "the run before goes on");
        await endRuns(id);
        const now = await every(startQueued);
        assert.equal(now.reduce((sum, count) => sum + count, 0), runs < 3 ? 1 : 0);
      }
    });
    await t.step("cancel ends the earlier runs, and starts the latest time alone", async () => {
      const id = await schedule("cancel");
      await fire(id, ["2016-02-29T00:00:00Z", "2020-02-29T00:00:00Z"]);
      const [first] = await runsOf(id);
      await sql`update public.pipeline_triggers set next_fire_at = ${DUE} where id = ${id}`;
      const fired = await every(() => fire(id));
      assert.equal(fired.filter((won) => won).length, 1);
      const runs = await runsOf(id);
      assert.equal(runs.length, 2);
      for (const run of runs) {
        assert.equal(run.status, run.id === first?.id ? "canceled" : "queued");
      }
      const firings =
        await sql`select coalesce(reason, status::text) as came from public.trigger_firings
          where trigger_id = ${id} order by scheduled_at`;
      assert.deepEqual(firings.map(({ came }) => came), ["overlap", "started", "started"]);
    });
    await t.step("cancel waits for all of the earlier runs before it ends any", async () => {
      const id = await schedule("cancel");
      const [trigger] =
        await sql`select pipeline_id from public.pipeline_triggers where id = ${id}`;
      for (let count = 0; count < 2; count++) {
        await sql`select private.start_run(${trigger?.pipeline_id}, '{}', 'cron', ${userId},
          trigger_id => ${id})`;
      }
      // Whoever ends a step of the second run has its lock, and wants the pipeline's next.
      const ending = await server.open();
      await ending.sql`select 1 from public.pipeline_runs where id = (
        select id from public.pipeline_runs where trigger_id = ${id} order by id desc limit 1)
        for no key update`;
      const firing = fire(id);
      await waitFor(async () => {
        const [row] = await sql`select count(*)::int as waiting from pg_locks where not granted`;
        return row?.waiting > 0;
      });
      await ending.sql`set lock_timeout = '5s'`;
      await ending.sql`select 1 from public.pipelines where id = ${trigger?.pipeline_id}
        for no key update`;
      await ending.end("commit");
      assert.equal(await firing, true);
      const statuses = (await runsOf(id)).map(({ status }) => status).toSorted();
      assert.deepEqual(statuses, ["canceled", "canceled", "queued"]);
    });
    await t.step("a pipeline that is deleted meanwhile takes its schedule along", async () => {
      for (let round = 0; round < 5; round++) {
        const id = await schedule();
        const [row] = await sql`select pipeline_id from public.pipeline_triggers where id = ${id}`;
        const remove = () => sql`delete from public.pipelines where id = ${row?.pipeline_id}`;
        await Promise.allSettled([fire(id), fire(id), remove()]);
        await remove();
        assert.equal((await runsOf(id)).length, 0);
      }
    });

    await t.step("fifty copies of a delivery start one run", async () => {
      const pipelineId = await pipeline();
      const id = crypto.randomUUID();
      await sql`insert into public.pipeline_triggers (id, pipeline_id, type, scheme, created_by)
        values (${id}, ${pipelineId}, 'webhook', 'none', ${userId})`;
      for (const delivery of ["a", "b"]) {
        const input = sql.json({ id: delivery, input: { n: 1 } });
        const answers = await every(async () => {
          const [run] = await sql`select (public.receive_delivery(${id}, ${input})).id`;
          return run?.id;
        }, 50);
        assert.equal(new Set(answers).size, 1);
        assert.ok(answers[0]);
      }
      assert.equal((await runsOf(id)).length, 2);
    });
    await t.step(
      "a copy waits for the first one, and takes its place where that fails",
      async () => {
        const pipelineId = await pipeline();
        const id = crypto.randomUUID();
        await sql`insert into public.pipeline_triggers (id, pipeline_id, type, scheme, created_by)
        values (${id}, ${pipelineId}, 'webhook', 'none', ${userId})`;
        const delivery = sql.json({ id: "a", input: {} });
        const first = await server.open();
        await first.sql`select public.receive_delivery(${id}, ${delivery})`;
        const second = sql`select (public.receive_delivery(${id}, ${delivery})).id`
          .execute();
        await waitFor(async () => {
          const [row] = await sql`select count(*)::int as waiting from pg_locks where not granted`;
          return row?.waiting > 0;
        });
        await first.kill();
        const [run] = await second;
        const runs = await runsOf(id);
        assert.deepEqual(runs.map((row) => row.id), [run?.id]);
      },
    );
    await t.step("rotations at once leave two secrets, one of them current", async () => {
      const id = crypto.randomUUID();
      const pipelineId = await pipeline();
      await sql.begin(async (sql) => {
        await sql`insert into public.pipeline_triggers (id, pipeline_id, type, scheme, created_by)
          values (${id}, ${pipelineId}, 'webhook', 'github', ${userId})`;
        await sql`insert into public.trigger_secrets (trigger_id, ciphertext, key_version)
          values (${id}, 'x', 1)`;
      });
      const rotate = () =>
        server.as(
          userId,
          (as) =>
            as`insert into public.trigger_secrets (trigger_id, ciphertext, key_version, grace_seconds)
            values (${id}, 'x', 1, 60)`,
        );
      await every(rotate, 8);
      const secrets = await sql`
        select expires_at is null as is_current from public.trigger_secrets where trigger_id = ${id}
        order by 1`;
      assert.deepEqual(secrets.map(({ is_current }) => is_current), [false, true]);
    });

    await t.step(
      "the clock asks for a worker when something is due, and for that alone",
      async () => {
        const needed = async () => {
          const [row] = await sql`select private.schedules_due() as due`;
          return row?.due;
        };
        await sql`update public.pipeline_triggers set next_fire_at = ${NEXT} where type = 'cron'`;
        assert.equal(await needed(), false);
        const id = await schedule("queue");
        assert.equal(await needed(), true);
        await claim(30);
        assert.equal(await needed(), false, "someone is at it");
        await fire(id, ["2020-02-29T00:00:00Z", DUE]);
        assert.equal(await needed(), false, "what is queued waits for its run");
        await endRuns(id);
        assert.equal(await needed(), true);
      },
    );
  }));
