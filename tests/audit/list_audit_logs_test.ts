import assert from "node:assert/strict";
import { logs } from "../harness/audit.ts";
import { attack } from "../harness/battery.ts";
import type { Body } from "../harness/answer.ts";
import { expect, refused } from "../harness/expect.ts";
import { collectPages } from "../harness/pages.ts";
import { createBlock, uniqueName } from "../harness/pipelines.ts";
import { sql } from "../harness/sql.ts";
import { createTenant } from "../harness/tenant.ts";

Deno.test("list_audit_logs", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const member = await tenant.user("member");
  const name = uniqueName("seattle weather");
  const body = { name, block_type: "dataset", spec: { kind: "inline", rows: [] } };
  const headers = { "x-request-id": crypto.randomUUID(), "user-agent": "Loom/1.0" };
  const block = expect(await member.post("/pipelines/blocks", body, { headers }), 201);
  await createBlock(owner);
  expect(await owner.patch(`/pipelines/blocks/${block.id}`, { name: `${name} 2` }), 200);

  await t.step("tells who did what, from where, newest first", async () => {
    const rows = await logs(owner);
    const times = rows.map(({ occurred_at }) => Date.parse(occurred_at));
    assert.deepEqual(times, times.toSorted((a, b) => b - a));
    const [created] = rows.filter((row) =>
      row.entity_id === block.id && row.action_type === "CREATE"
    );
    assert.equal(created.organization_id, tenant.organizationId);
    assert.equal(created.actor_id, member.id);
    assert.equal(created.actor_type, "user");
    assert.equal(created.api_key_id, null);
    assert.equal(created.entity_type, "block");
    assert.equal(created.request_id, headers["x-request-id"]);
    assert.equal(created.user_agent, headers["user-agent"]);
    assert.equal(created.ip_address, "127.0.0.1");
    assert.equal(created.details.new.name, name);
  });

  await t.step("filters, each one", async () => {
    const all = await logs(owner);
    const matches = async (query: string, test: (row: Body) => boolean) => {
      const found = (await logs(owner, query)).filter(({ action_type }) => action_type !== "READ");
      const expected = all.filter((row) => test(row) && row.action_type !== "READ");
      assert.ok(expected.length > 0 && expected.length < all.length, query);
      assert.deepEqual(found.map(({ id }) => id), expected.map(({ id }) => id), query);
    };
    await matches("entity_type=block", (row) => row.entity_type === "block");
    await matches(`entity_id=${block.id}`, (row) => row.entity_id === block.id);
    await matches("action_type=UPDATE", (row) => row.action_type === "UPDATE");
    await matches(`actor_id=${member.id}`, (row) => row.actor_id === member.id);
    const request = headers["x-request-id"];
    await matches(`request_id=${request}`, (row) => row.request_id === request);
    const { occurred_at } = all[Math.floor(all.length / 2)];
    const time = encodeURIComponent(new Date(occurred_at).toISOString());
    const moment = Math.floor(Date.parse(occurred_at));
    await matches(`to=${time}`, (row) => Date.parse(row.occurred_at) < moment);
    await matches(
      `from=${time}&entity_type=block`,
      (row) => Date.parse(row.occurred_at) >= moment && row.entity_type === "block",
    );
    await matches(
      `entity_type=block&action_type=CREATE`,
      (row) => row.entity_type === "block" && row.action_type === "CREATE",
    );
    assert.deepEqual(await logs(owner, `api_key_id=${crypto.randomUUID()}`), []);
  });

  await t.step("finds by name, and takes no pattern of the searcher's", async () => {
    const found = await logs(owner, `q=${encodeURIComponent(name)}`);
    assert.deepEqual(new Set(found.map(({ entity_id }) => entity_id)), new Set([block.id]));
    assert.equal(found.length, 3, "created, given its version, renamed");
    assert.ok((await logs(owner, "q=SEATTLE")).length >= 2);
    for (const q of ['",zz)', "zz),or(id.not.is.null", "zz\\", "zz%", "zz*", "zz.b,c"]) {
      assert.deepEqual(await logs(owner, `q=${encodeURIComponent(q)}`), [], q);
    }
  });

  await t.step("a member sees their own actions alone", async () => {
    const rows = await logs(member);
    assert.ok(rows.some(({ entity_id }) => entity_id === block.id));
    assert.deepEqual(new Set(rows.map(({ actor_id }) => actor_id)), new Set([member.id]));
    assert.deepEqual(await logs(member, `actor_id=${owner.id}`), []);
    const admin = await tenant.user("admin");
    assert.ok((await logs(admin)).some(({ actor_id }) => actor_id === member.id));
  });

  await t.step("reading it is logged, with the filters", async () => {
    const entity = crypto.randomUUID();
    await logs(member, `entity_id=${entity}&q=rain`);
    const reads = await logs(owner, `action_type=READ&actor_id=${member.id}`);
    const [read] = reads.filter(({ details }) => details.filters?.entity_id === entity);
    assert.equal(read.entity_type, "audit_log");
    assert.equal(read.details.filters.q, "rain");
  });

  await t.step("pages through rows of one moment meet each of them once", async () => {
    const request_id = crypto.randomUUID();
    await sql`
      insert into public.audit_logs (organization_id, actor_id, actor_type, action_type, entity_type,
        occurred_at, request_id)
      select ${tenant.organizationId}, ${owner.id}, 'user', 'CREATE', 'test', now(), ${request_id}
      from generate_series(1, 25)`;
    const pages = await collectPages(owner, `/audit/logs?request_id=${request_id}&limit=10`);
    assert.deepEqual(pages.map((page) => page.length), [10, 10, 5]);
    assert.equal(new Set(pages.flat().map(({ id }) => id)).size, 25);
  });

  await t.step("refuses what is no filter", async () => {
    const wrong = async (query: string, path: string) =>
      refused(await owner.get(`/audit/logs?${query}`), 422, "validation_failed", [path]);
    await wrong("action_type=LOOK", "query.action_type");
    await wrong("actor_id=me", "query.actor_id");
    await wrong("entity_id=1", "query.entity_id");
    await wrong("from=yesterday", "query.from");
    await wrong("to=2026-13-01", "query.to");
    await wrong("q=", "query.q");
    await wrong("limit=101", "query.limit");
    refused(await owner.get("/audit/logs?cursor=x"), 400, "invalid_cursor");
  });

  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "GET", path: "/audit/logs", stranger: "empty" }),
  );
});
