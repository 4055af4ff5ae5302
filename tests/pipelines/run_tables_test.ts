import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { expect } from "../harness/expect.ts";
import { createBlock, createPipeline, runPair, runPipeline } from "../harness/pipelines.ts";
import { createTable } from "../harness/table.ts";
import { createTenant, type User } from "../harness/tenant.ts";

const ROWS = [{ city: "Seattle", rain: 4.5 }, { city: "Phoenix", rain: 0 }];

/** What the user sees in the table, by city. */
async function stored(user: User, table: string): Promise<Body> {
  const rows = expect(await user.rest("GET", `/${table}?select=city,rain&order=city`), 200);
  return Object.fromEntries(rows.map(({ city, rain }: Body) => [city, rain]));
}

async function write(user: User, spec: { table: string; [key: string]: unknown }, rows: unknown[]) {
  const source = await createBlock(user, { kind: "inline", rows });
  const target = await createBlock(user, { kind: "table", ...spec });
  return await runPair(user, source, { kind: "identity" }, target);
}

Deno.test("table blocks", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const stranger = await tenant.stranger();
  const table = await createTable();
  assert.equal((await write(stranger, { table }, [{ city: "Oslo", rain: 9 }])).status, "succeeded");

  await t.step("append adds rows, in the run's organization and as its user", async () => {
    const run = await write(owner, { table }, ROWS);
    assert.deepEqual(run.output, { rows_written: 2 });
    assert.deepEqual(await stored(owner, table), { Phoenix: 0, Seattle: 4.5 });
    const [row] = expect(await owner.rest("GET", `/${table}?city=eq.Seattle`), 200);
    assert.equal(row.organization_id, owner.organizationId);
    assert.equal(row.created_by, owner.id);
  });
  await t.step("a row that breaks a rule writes none", async () => {
    const run = await write(owner, { table }, [{ city: "Miami", rain: 1 }, { city: "Seattle" }]);
    assert.equal(run.status, "failed");
    assert.equal(run.error.code, "table_failed");
    assert.deepEqual(await stored(owner, table), { Phoenix: 0, Seattle: 4.5 });
  });
  await t.step("upsert changes what is there and adds the rest", async () => {
    const spec = { table, mode: "upsert", on_conflict: "organization_id,city" };
    const run = await write(owner, spec, [{ city: "Seattle", rain: 5 }, {
      city: "Miami",
      rain: 2,
    }]);
    assert.deepEqual(run.output, { rows_written: 2 });
    assert.deepEqual(await stored(owner, table), { Miami: 2, Phoenix: 0, Seattle: 5 });
  });
  await t.step("replace leaves only the new rows, and other tenants' alone", async () => {
    const run = await write(owner, { table, mode: "replace" }, [{ city: "Reno", rain: 0.5 }]);
    assert.deepEqual(run.output, { rows_written: 1 });
    assert.deepEqual(await stored(owner, table), { Reno: 0.5 });
    assert.deepEqual(await stored(stranger, table), { Oslo: 9 });
    await write(owner, { table, mode: "replace" }, []);
    assert.deepEqual(await stored(owner, table), {});
  });
  await t.step("read what the user may see, chosen and filtered", async () => {
    await write(owner, { table }, ROWS);
    const read = async (spec: Body) => {
      const block = await createBlock(owner, { kind: "table", table, ...spec });
      return (await runPipeline(owner, await createPipeline(owner, [block]))).output;
    };
    const all = await read({ select: "city" });
    assert.deepEqual(new Set(all.map(({ city }: Body) => city)), new Set(["Seattle", "Phoenix"]));
    assert.deepEqual(await read({ select: "city,rain", filter: { rain: "gt.1" } }), [ROWS[0]]);
    assert.equal((await read({ limit: 1 })).length, 1);
  });
  await t.step("rows of another organization can't be written", async () => {
    const foreign = { city: "Rome", organization_id: stranger.organizationId };
    const run = await write(owner, { table }, [foreign]);
    assert.equal(run.status, "failed");
    assert.deepEqual(await stored(stranger, table), { Oslo: 9 });
  });
  await t.step("a table that is not there, or is the platform's own", async () => {
    const missing = await write(owner, { table: "no_such_table" }, ROWS);
    assert.equal(missing.error.code, "table_not_found");
    for (const own of ["audit_logs", "pipeline_runs", "memberships", "step_effects"]) {
      const run = await write(owner, { table: own }, [{ user_id: owner.id }]);
      assert.equal(run.status, "failed", own);
    }
  });
  await t.step("rows that are no objects", async () => {
    const run = await write(owner, { table }, [{ city: "A" }, "B"]);
    assert.equal(run.error.code, "row_invalid");
    assert.match(run.error.message, /row 2/);
  });
});
