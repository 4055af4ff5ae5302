import assert from "node:assert/strict";
import { logs } from "../harness/audit.ts";
import type { Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { createBlock } from "../harness/pipelines.ts";
import { withSql } from "../harness/sql.ts";
import { createTenant, type User } from "../harness/tenant.ts";
import { descendants, parseXml } from "../harness/xml.ts";

const PATH = "/audit/stats";

type Row = [user: User, action: string, entity: string, time: string];

/** Rows of a time of their own, which nothing else that a test does falls into. */
async function insertLogs(organization_id: string, rows: Row[]): Promise<void> {
  await withSql((sql) =>
    sql`insert into public.audit_logs ${
      sql(rows.map(([{ id }, action_type, entity_type, occurred_at]) => ({
        organization_id,
        actor_id: id,
        actor_type: "user",
        action_type,
        entity_type,
        occurred_at,
      })))
    }`
  );
}

const statsOf = async (user: User, query: string): Promise<Body> =>
  expect(await user.get(`${PATH}?${query}`), 200);

/** Buckets that hold anything, with the instant that each starts at. */
const filled = ({ buckets }: Body) =>
  buckets.flatMap(({ start, ...counts }: Body) =>
    Object.values(counts).some((count) => count !== 0)
      ? [[new Date(start).toISOString().slice(0, 16), counts]]
      : []
  );

const NONE = { CREATE: 0, READ: 0, UPDATE: 0, DELETE: 0 };

Deno.test("get_audit_stats", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const [member, admin] = await Promise.all([tenant.user("member"), tenant.user("admin")]);
  await insertLogs(tenant.organizationId, [
    [owner, "CREATE", "block", "2026-03-01T23:59:59.999999Z"],
    [owner, "CREATE", "block", "2026-03-02T00:00:00Z"],
    // Midnight in Tokyo, but not in UTC.
    [owner, "UPDATE", "edge", "2026-03-03T00:00:00+09:00"],
    [member, "UPDATE", "block", "2026-03-03T10:20:00Z"],
    [owner, "DELETE", "block", "2026-03-03T10:59:59Z"],
    [owner, "READ", "audit_log", "2026-03-10T00:00:00Z"],
  ]);
  const march = "from=2026-03-01&to=2026-03-11";

  await t.step("counts by action, entity and actor", async () => {
    const stats = await statsOf(owner, march);
    assert.equal(stats.bucket, "day");
    assert.equal(stats.total, 6);
    assert.deepEqual(stats.actions, { CREATE: 2, READ: 1, UPDATE: 2, DELETE: 1 });
    assert.deepEqual(stats.entities, [
      { entity_type: "block", count: 4 },
      { entity_type: "audit_log", count: 1 },
      { entity_type: "edge", count: 1 },
    ]);
    assert.deepEqual(stats.actors, [
      { actor_type: "user", actor_id: owner.id, count: 5 },
      { actor_type: "user", actor_id: member.id, count: 1 },
    ]);
  });

  await t.step("buckets begin with UTC's hours, days and weeks, and none is left out", async () => {
    const days = await statsOf(owner, march);
    assert.equal(days.buckets.length, 10);
    assert.deepEqual(filled(days), [
      ["2026-03-01T00:00", { ...NONE, CREATE: 1 }],
      ["2026-03-02T00:00", { ...NONE, CREATE: 1, UPDATE: 1 }],
      ["2026-03-03T00:00", { ...NONE, UPDATE: 1, DELETE: 1 }],
      ["2026-03-10T00:00", { ...NONE, READ: 1 }],
    ]);
    const hours = await statsOf(owner, "bucket=hour&from=2026-03-02&to=2026-03-04");
    assert.equal(hours.buckets.length, 48);
    assert.deepEqual(filled(hours), [
      ["2026-03-02T00:00", { ...NONE, CREATE: 1 }],
      ["2026-03-02T15:00", { ...NONE, UPDATE: 1 }],
      ["2026-03-03T10:00", { ...NONE, UPDATE: 1, DELETE: 1 }],
    ]);
    const weeks = await statsOf(owner, `bucket=week&${march}`);
    assert.deepEqual(filled(weeks), [
      ["2026-02-23T00:00", { ...NONE, CREATE: 1 }],
      ["2026-03-02T00:00", { ...NONE, CREATE: 1, UPDATE: 2, DELETE: 1 }],
      ["2026-03-09T00:00", { ...NONE, READ: 1 }],
    ]);
  });

  await t.step("from is in, to is out", async () => {
    const total = async (from: string, to: string) =>
      (await statsOf(owner, new URLSearchParams({ from, to }).toString())).total;
    assert.equal(await total("2026-03-02T00:00:00Z", "2026-03-10T00:00:00Z"), 4);
    assert.equal(await total("2026-03-02T00:00:01Z", "2026-03-10T00:00:01Z"), 4);
    assert.equal(await total("2026-03-02T09:00:00+09:00", "2026-03-03T00:00:00+09:00"), 1);
  });

  await t.step("by default it tells of the last day, month or half year", async () => {
    await createBlock(owner);
    const hours = { hour: 24, day: 30 * 24, week: 26 * 7 * 24 };
    for (const [bucket, span] of Object.entries(hours)) {
      const { from, to, actions } = await statsOf(owner, `bucket=${bucket}`);
      assert.equal((Date.parse(to) - Date.parse(from)) / 3_600_000, span);
      assert.ok(Math.abs(Date.now() - Date.parse(to)) < 60_000);
      assert.ok(actions.CREATE >= 2, "the block and its version");
    }
  });

  await t.step("a member's counts are of their own actions", async () => {
    const stats = await statsOf(member, march);
    assert.deepEqual(stats.actions, { ...NONE, UPDATE: 1 });
    assert.deepEqual(stats.entities, [{ entity_type: "block", count: 1 }]);
    assert.deepEqual(stats.actors, [{ actor_type: "user", actor_id: member.id, count: 1 }]);
    assert.equal((await statsOf(admin, march)).total, 6);
  });

  await t.step("reading it is logged, with the range", async () => {
    await statsOf(member, "bucket=hour&from=2026-03-02&to=2026-03-03T00:00:00Z");
    const reads = await logs(owner, `action_type=READ&actor_id=${member.id}`);
    assert.ok(
      reads.some(({ details: { filters } }) =>
        filters?.bucket === "hour" && Date.parse(filters.from) === Date.UTC(2026, 2, 2) &&
        Date.parse(filters.to) === Date.UTC(2026, 2, 3)
      ),
    );
  });

  await t.step("draws them for who accepts SVG, or asks for it", async () => {
    const draw = async (query: string, accept?: string) => {
      const answer = await owner.get(`${PATH}?${query}`, {
        headers: accept === undefined ? {} : { accept },
      });
      expect(answer, 200);
      return answer.headers.get("content-type");
    };
    const images = "image/avif,image/svg+xml,image/*,*/*;q=0.8";
    for (const accept of ["image/svg+xml", images, "image/*", "*/*, image/svg+xml"]) {
      assert.equal(await draw(march, accept), "image/svg+xml", accept);
    }
    assert.equal(await draw(`${march}&format=svg`, "application/json"), "image/svg+xml");
    const others = ["*/*", "text/html", "image/png", "", "image/svg+xml;q=0, */*"];
    const less = ["image/svg+xml;q=0.5, application/json", "image/svg+xml;q=0.5, */*;q=0.9"];
    for (const accept of [undefined, ...others, ...less]) {
      assert.equal(await draw(march, accept), "application/json", accept);
    }
    assert.equal(await draw(`${march}&format=json`, "image/svg+xml"), "application/json");
  });

  await t.step("the picture has all totals and the range", async () => {
    const { headers, body } = await owner.get(`${PATH}?${march}&format=svg`);
    assert.match(headers.get("vary") ?? "", /accept/i);
    const texts = descendants(parseXml(body)).filter(({ name }) => name === "text")
      .map(({ text }) => text);
    const expected = ["Audit log", "6", "CREATE 2", "READ 1", "UPDATE 2", "DELETE 1", "Mar 2026"];
    for (const text of expected) assert.ok(texts.includes(text), `${text}: ${texts.join(", ")}`);
    assert.ok(texts.some((text) => /1 Mar 2026.+ to 11 Mar 2026.+ UTC/.test(text)), "the range");
    const nothing = await owner.get(`${PATH}?from=2025-01-01&to=2025-01-09&format=svg`);
    assert.match(expect(nothing, 200), /Nothing in this time/);
  });

  await t.step("refuses what is no range, no bucket, or too many of them", async () => {
    const wrong = async (query: string, path: string) =>
      refused(await owner.get(`${PATH}?${query}`), 422, "validation_failed", [path]);
    await wrong("bucket=minute", "query.bucket");
    await wrong("format=png", "query.format");
    await wrong("from=yesterday", "query.from");
    await wrong("to=2026-13-01", "query.to");
    await wrong("from=2026-03-02&to=2026-03-02", "query.from");
    await wrong("from=2026-03-03&to=2026-03-02", "query.from");
    await wrong("from=2999-01-01", "query.from");
    await wrong("from=2020-01-01&to=2026-01-01", "query.bucket");
    await wrong("bucket=hour&from=2026-01-01&to=2026-03-01&format=svg", "query.bucket");
    const most = await statsOf(owner, "bucket=hour&from=2026-01-01&to=2026-02-11T16:00:00Z");
    assert.equal(most.buckets.length, 1000);
  });

  await t.step("refuses times beyond the calendar", async () => {
    for (const query of ["from=0000-01-01&to=0000-01-02", "to=9999-12-31T23:59:59-14:00"]) {
      refused(await owner.get(`${PATH}?${query}`), 422, "validation_failed");
    }
  });

  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "GET", path: PATH, stranger: "empty" }),
  );
});
