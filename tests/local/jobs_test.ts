import assert from "node:assert/strict";
import { startOwnStack } from "../harness/own_stack.ts";
import { Server } from "../harness/server.ts";
import { waitFor } from "../harness/wait.ts";
import { HAS_SERVER } from "./postgres_server.ts";

/** The database tells of refused statements by the exit code of its process, which is this one. */
const options = { sanitizeExit: false };

Deno.test(
  "jobs run when they are due, and one that fails keeps no other from it",
  options,
  async (t) => {
    const stack = await startOwnStack({ scheduler: false });
    const run = async () => (await stack.query("select private.run_jobs() as runs"))[0]?.runs;
    const job = async (name: string) =>
      (await stack.query("select * from private.jobs where name = $1", [name]))[0];
    const done = async () =>
      (await stack.query("select name from private.job_log order by name")).map(({ name }) => name);
    try {
      await stack.script(`
      update private.jobs set started_at = now();
      create table private.job_log (name text);
      select private.schedule_job('test-a', interval '1 hour', 'insert into private.job_log values (''a'')');
      select private.schedule_job('test-b', interval '1 hour',
        'insert into private.job_log values (''b''); select 1 / 0');
      select private.schedule_job('test-c', interval '1 hour', 'insert into private.job_log values (''c'')');`);

      await t.step("each once", async () => {
        assert.equal(await run(), 3);
        assert.deepEqual(await done(), ["a", "c"], "what a failing one did is taken back");
        assert.equal(await run(), 0);
      });
      await t.step("with the error of the last run", async () => {
        assert.match(String((await job("test-b"))?.error), /division by zero/);
        assert.equal((await job("test-a"))?.error, null);
        const failed = await job("test-b");
        assert.ok(failed?.started_at && failed.finished_at);
      });
      await t.step("again when their time has come, healed as well", async () => {
        await stack.script(`
        update private.jobs set started_at = now() - interval '61 minutes' where name in ('test-a', 'test-b');
        select private.schedule_job('test-b', interval '1 hour', 'insert into private.job_log values (''b'')');`);
        assert.equal(await run(), 2);
        assert.deepEqual(await done(), ["a", "a", "b", "c"]);
        assert.equal((await job("test-b"))?.error, null);
        assert.equal(await run(), 0);
      });
      await t.step("by the minute, also when the minute is not quite over", async () => {
        await stack.script(`
        select private.schedule_job('test-d', interval '1 minute', 'insert into private.job_log values (''d'')');
        update private.jobs set started_at = now() - interval '59.9 seconds' where name = 'test-d';`);
        assert.equal(await run(), 1);
        assert.equal(await run(), 0);
      });
      await t.step("nobody schedules or runs one through the API", async () => {
        const [row] = await stack.query(`
        select bool_or(has_function_privilege(r, f, 'execute')) or bool_or(has_table_privilege(r, 'private.jobs',
          'select, insert, update, delete')) as may
        from unnest(array['anon', 'authenticated', 'service_role']) r,
          unnest(array['private.run_jobs()', 'private.schedule_job(text, interval, text)']::regprocedure[]) f`);
        assert.equal(row?.may, false);
      });
    } finally {
      await stack.stop();
    }
  },
);

Deno.test(
  "callers side by side run a job once",
  { ignore: !HAS_SERVER },
  () =>
    Server.with(async ({ sql }) => {
      await sql.unsafe(`
      update private.jobs set started_at = now();
      create table private.job_log (name text);`);
      for (let round = 0; round < 10; round++) {
        for (const name of ["x", "y"]) {
          await sql`select private.schedule_job(${name}, interval '1 hour',
          ${`insert into private.job_log values ('${name}'); select pg_sleep(0.01)`})`;
        }
        await sql`update private.jobs set started_at = null where name in ('x', 'y')`;
        await sql`delete from private.job_log`;
        const runs = await Promise.all(
          Array.from(
            { length: 8 },
            async () => (await sql`select private.run_jobs() as runs`)[0]?.runs,
          ),
        );
        assert.equal(runs.reduce((sum, count) => sum + count, 0), 2, JSON.stringify(runs));
        const done = await sql`select name from private.job_log order by name`;
        assert.deepEqual(done.map(({ name }) => name), ["x", "y"]);
      }
    }),
);

Deno.test(
  "a job that takes too long keeps no other from running",
  { ignore: !HAS_SERVER },
  () =>
    Server.with(async ({ sql }) => {
      await sql.unsafe(`
      update private.jobs set started_at = now();
      create table private.job_log (name text);
      select private.schedule_job('a-slow', interval '1 hour', 'select pg_sleep(60)');
      select private.schedule_job('b-quick', interval '1 hour', 'insert into private.job_log values (''quick'')');`);
      const [row] = await sql.begin(async (sql) => {
        await sql`set local statement_timeout = '500ms'`;
        return await sql`select private.run_jobs() as runs`;
      });
      assert.equal(row?.runs, 2);
      assert.equal((await sql`select name from private.job_log`).length, 1);
      const [slow] = await sql`select error from private.jobs where name = 'a-slow'`;
      assert.match(slow?.error, /statement timeout/);
    }),
);

Deno.test("the local scheduler runs them: the log is sealed by itself", async () => {
  const stack = await startOwnStack({ scheduler: true });
  try {
    await stack.query(
      "insert into auth.users (id, email) values (gen_random_uuid(), 'a@example.com')",
    );
    // The job's minute may have begun before the user came.
    await stack.query("update private.jobs set started_at = null where name = 'audit-seals'");
    await waitFor(async () => {
      const [row] = await stack.query("select count(*)::int as seals from public.audit_seals");
      return Number(row?.seals) > 0;
    }, { what: "a seal" });
    const jobs = await stack.query("select name, started_at, error from private.jobs");
    assert.ok(jobs.length >= 3);
    assert.ok(jobs.every((job) => job.started_at && job.error === null), JSON.stringify(jobs));
  } finally {
    await stack.stop();
  }
});
