import assert from "node:assert/strict";
import { continued, Engine, failed, succeeded } from "../harness/engine.ts";
import { createBlock, createPipeline, runPipeline } from "../harness/pipelines.ts";
import { createTenant } from "../harness/tenant.ts";

const options = { sanitizeExit: false };
const worker = () => crypto.randomUUID();

Deno.test("a long step goes on from its cursor", async (t) => {
  const { owner } = await createTenant();
  const runCode = async (source: string, settings = {}) => {
    const block = await createBlock(owner, { kind: "code", source });
    const pipeline = await createPipeline(owner, [block]);
    const blocks = [{ block_id: block.id, ...settings }];
    await owner.patch(`/pipelines/${pipeline.id}`, { blocks });
    return runPipeline(owner, pipeline, { input: { rows: 5 } });
  };

  await t.step("through as many calls as it needs, and spends no retry", async () => {
    const source = `
      const { done = 0, sum = 0 } = cursor ?? {};
      const next = { done: done + 1, sum: sum + done };
      return next.done < input.rows ? { $continue: next } : next;`;
    const run = await runCode(source, { max_attempts: 1 });
    assert.deepEqual(run.output, { done: 5, sum: 10 });
    const { attempt, continuations, failures } = run.steps[0];
    assert.deepEqual({ attempt, continuations, failures }, {
      attempt: 5,
      continuations: 4,
      failures: 0,
    });
  });

  await t.step("a cursor may be any JSON, and null", async () => {
    const source = `
      if (cursor === null) return { $continue: [false] };
      return Array.isArray(cursor) ? { $continue: "end" } : cursor;`;
    assert.equal((await runCode(source)).output, "end");
  });

  await t.step("what has other keys beside it is an output", async () => {
    const output = { $continue: 1, total: 2 };
    assert.deepEqual((await runCode(`return ${JSON.stringify(output)};`)).output, output);
  });

  await t.step("a cursor of more than 256 KiB fails with its size", async () => {
    const { error } = await runCode(`return { $continue: "x".repeat(300 * 1024) };`);
    assert.equal(error.code, "cursor_too_large");
    assert.match(error.message, /307202 bytes.*262144/);
    const small = `return cursor?.length ?? { $continue: "x".repeat(256 * 1024 - 2) };`;
    assert.equal((await runCode(small)).output, 256 * 1024 - 2);
  });

  await t.step("one that can't be stored fails, too", async () => {
    const { error } = await runCode(`return { $continue: "\\0" };`);
    assert.equal(error.code, "cursor_invalid");
  });
});

Deno.test("parts of a long step", options, async (t) => {
  await Engine.with(async (engine) => {
    const id = worker();
    const limited = (max_attempts: number) => ({ settings: { a: { max_attempts } } });

    await t.step("another worker takes the next one", async () => {
      const run = await engine.start(["a"]);
      const [first] = await engine.claim(id);
      assert.equal(first.cursor, null);
      assert.deepEqual(await engine.finish(id, [continued(first, { page: 2 })]), [first.step_id]);
      const other = worker();
      const [second] = await engine.claim(other);
      assert.deepEqual(second.cursor, { page: 2 });
      await engine.finish(other, [succeeded(second, "done")]);
      const ended = await engine.run(run);
      assert.deepEqual([ended.status, ended.output], ["succeeded", "done"]);
      assert.deepEqual(await engine.events(run), [
        "run.queued",
        "run.started",
        "step.started",
        "step.continued",
        "step.started",
        "step.succeeded",
        "run.succeeded",
      ]);
    });

    await t.step("a failure goes back to the last cursor, not to the beginning", async () => {
      const run = await engine.start(["a"]);
      const [first] = await engine.claim(id);
      await engine.finish(id, [continued(first, 1)]);
      const [second] = await engine.claim(id);
      await engine.finish(id, [failed(second, true)]);
      await engine.skipBackoff();
      const [third] = await engine.claim(id);
      assert.equal(third.cursor, 1);
      await engine.silence(id);
      await engine.claim(worker(), 0);
      await engine.skipBackoff();
      const [fourth] = await engine.claim(id);
      assert.equal(fourth.cursor, 1);
      await engine.finish(id, [succeeded(fourth)]);
      assert.equal((await engine.run(run)).status, "succeeded");
    });

    await t.step("each has all its tries", async () => {
      const run = await engine.start(["a"], [], limited(2));
      for (let part = 1; part <= 3; part++) {
        const [one] = await engine.claim(id);
        await engine.finish(id, [failed(one, true)]);
        await engine.skipBackoff();
        const [two] = await engine.claim(id);
        await engine.finish(id, [part < 3 ? continued(two, part) : failed(two, true)]);
      }
      const { status, step } = await engine.run(run);
      assert.deepEqual([status, step.a.failures, step.a.continuations], ["failed", 2, 2]);
    });

    await t.step("a zombie's part counts nothing", async () => {
      const run = await engine.start(["a"]);
      const [first] = await engine.claim(id);
      await engine.finish(id, [continued(first, "good")]);
      const zombie = worker();
      const [second] = await engine.claim(zombie);
      await engine.silence(zombie);
      await engine.claim(id, 0);
      assert.deepEqual(await engine.finish(zombie, [continued(second, "late")]), []);
      await engine.skipBackoff();
      const [third] = await engine.claim(id);
      assert.equal(third.cursor, "good");
      assert.deepEqual(await engine.finish(zombie, [continued(second, "late")]), []);
      assert.deepEqual(await engine.finish(id, [continued(first, "late")]), []);
      await engine.finish(id, [succeeded(third)]);
      assert.equal((await engine.run(run)).status, "succeeded");
    });

    await t.step("of a canceled run none begins, and the one in work is the last", async () => {
      const waiting = await engine.start(["a"]);
      const [step] = await engine.claim(id);
      await engine.finish(id, [continued(step, 1)]);
      const canceled = await engine.asUser("cancel_run", { run_id: waiting });
      assert.equal(canceled.status, "canceled");
      assert.deepEqual(await engine.claim(id), []);

      const running = await engine.start(["a"]);
      const [part] = await engine.claim(id);
      await engine.asUser("cancel_run", { run_id: running });
      assert.deepEqual(await engine.finish(id, [continued(part, 1)]), []);
      const { status, step: { a } } = await engine.run(running);
      assert.deepEqual([status, a.status, a.continuation], ["canceled", "canceled", null]);
    });

    await t.step("after 10,000 it has failed", async () => {
      const run = await engine.start(["a"]);
      await engine.stack.query("update public.run_steps set continuations = 9999");
      const [last] = await engine.claim(id);
      await engine.finish(id, [continued(last, "on")]);
      const [over] = await engine.claim(id);
      assert.equal(over.cursor, "on");
      await engine.finish(id, [continued(over, "and on")]);
      const { status, error } = await engine.run(run);
      assert.deepEqual([status, error.code], ["failed", "too_many_continuations"]);
    });

    await t.step(
      "a failure after very many waits no longer than one at the beginning",
      async () => {
        await engine.start(["a"]);
        await engine.stack.query(
          "update public.run_steps set attempt = 5000 where status = 'ready'",
        );
        const [step] = await engine.claim(id);
        assert.deepEqual(await engine.finish(id, [failed(step, true)]), [step.step_id]);
        const [row] = await engine.stack.query(
          "select run_at < clock_timestamp() + interval '3 s' as soon from public.run_steps where id = $1",
          [step.step_id],
        );
        assert.equal(row?.soon, true);
        await engine.clear();
      },
    );
  });
});

Deno.test("a step that is given back", options, async (t) => {
  await Engine.with(async (engine) => {
    const id = worker();
    const released = ({ step_id, attempt }: { step_id: string; attempt: number }) => ({
      step_id,
      attempt,
      released: true,
    });

    await t.step("spends no try, and keeps its cursor", async () => {
      const run = await engine.start(["a"], [], { settings: { a: { max_attempts: 1 } } });
      const [first] = await engine.claim(id);
      await engine.finish(id, [continued(first, 7)]);
      for (let turn = 0; turn < 3; turn++) {
        const [step] = await engine.claim(id);
        assert.equal(step.cursor, 7);
        await engine.finish(id, [released(step)]);
      }
      const [last] = await engine.claim(id);
      await engine.finish(id, [succeeded(last)]);
      assert.equal((await engine.run(run)).status, "succeeded");
    });

    await t.step("is as suspect as it was", async () => {
      await engine.start(["a"]);
      await engine.claim(id);
      await engine.silence(id);
      await engine.claim(worker(), 0);
      await engine.skipBackoff();
      const other = worker();
      const [step] = await engine.claim(other);
      await engine.finish(other, [released(step)]);
      await engine.start(["b"]);
      const claim = await engine.claimWhole(worker());
      assert.deepEqual([claim.steps.length, claim.is_alone], [1, true]);
      await engine.clear();
    });
  });
});
