import assert from "node:assert/strict";
import {
  createBlock,
  createPipeline,
  runPipeline,
  startRun,
  waitForRun,
} from "../harness/pipelines.ts";
import { createUser } from "../harness/tenant.ts";

const POISON = {
  "nests thousands of levels": "let a = []; for (let i = 0; i < 3000; i++) a = [a]; return a;",
  "holds a NUL character": "return 'a\\u0000b';",
  "holds half of a surrogate pair": "return '\\ud800';",
};

Deno.test("an output that can't be stored fails its step, and no other", async (t) => {
  const user = await createUser();
  const code = async (source: string) =>
    createPipeline(user, [await createBlock(user, { kind: "code", source })]);
  const innocent = await code("return 'fine';");
  for (const [what, source] of Object.entries(POISON)) {
    await t.step(what, async () => {
      const neighbours = Promise.all([1, 2, 3, 4].map(() => startRun(user, innocent)));
      const run = await runPipeline(user, await code(source));
      assert.equal(run.status, "failed");
      assert.equal(run.error.code, "output_invalid");
      for (const { id } of await neighbours) {
        const { status, output } = await waitForRun(user, id);
        assert.deepEqual([status, output], ["succeeded", "fine"]);
      }
    });
  }
  await t.step("text that only looks like an escape is text", async () => {
    const run = await runPipeline(user, await code("return 'a\\\\u0000b';"));
    assert.equal(run.output, "a\\u0000b");
  });
});
