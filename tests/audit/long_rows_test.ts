import assert from "node:assert/strict";
import { expect } from "../harness/expect.ts";
import { sql } from "../harness/sql.ts";
import { createTenant } from "../harness/tenant.ts";

const MEBIBYTE = 1024 * 1024;

Deno.test("a page of long rows ends early, and none is lost between pages", async () => {
  const { owner, organizationId } = await createTenant();
  const request_id = crypto.randomUUID();
  await sql`
    insert into public.audit_logs (organization_id, actor_id, actor_type, action_type, entity_type, request_id, details)
    select ${organizationId}, ${owner.id}, 'user', 'UPDATE', 'test', ${request_id},
      jsonb_build_object('n', n, 'new', repeat('x', ${MEBIBYTE}))
    from generate_series(1, 12) n`;
  const seen: number[] = [];
  let cursor = "";
  do {
    const query = `request_id=${request_id}&limit=100${cursor && `&cursor=${cursor}`}`;
    const page = expect(await owner.get(`/audit/logs?${query}`), 200);
    const bytes = JSON.stringify(page).length;
    assert.ok(bytes < 6 * MEBIBYTE, `a page of ${bytes} bytes`);
    seen.push(...page.data.map((row: { details: { n: number } }) => row.details.n));
    cursor = page.next_cursor ?? "";
  } while (cursor);
  assert.deepEqual(seen.toSorted((a, b) => a - b), Array.from({ length: 12 }, (_, n) => n + 1));
  const file = await owner.get(`/audit/export?format=ndjson&request_id=${request_id}`);
  assert.equal(expect(file, 200).trim().split("\n").length, 12);
});

Deno.test("what is logged with each change can't be of any size", async () => {
  const { owner, organizationId } = await createTenant();
  const pipeline = expect(await owner.post("/pipelines", { name: "P" }), 201);
  const config = { a: "x".repeat(70_000) };
  const changes = [
    owner.rest("PATCH", `/pipelines?id=eq.${pipeline.id}`, { dagster_pipeline_config: config }),
    owner.rest("PATCH", `/organizations?id=eq.${organizationId}`, { settings: config }),
  ];
  for (const answer of await Promise.all(changes)) assert.ok(answer.status >= 400);
  const shown = expect(await owner.get(`/pipelines/${pipeline.id}`), 200);
  assert.deepEqual(shown.dagster_pipeline_config, {});
});
