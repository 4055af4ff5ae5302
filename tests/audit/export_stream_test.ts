import assert from "node:assert/strict";
import type { LogRow } from "../../supabase/functions/audit/export/format.ts";
import { ndjson } from "../../supabase/functions/audit/export/ndjson.ts";
import { streamLog } from "../../supabase/functions/audit/export/stream.ts";
import { startFunction } from "../harness/function_process.ts";
import { sql } from "../harness/sql.ts";
import { stack } from "../harness/stack.ts";
import { createTenant, type User } from "../harness/tenant.ts";
import { waitFor } from "../harness/wait.ts";

/** Rows like those of the log, each with so many characters of details. */
const rowsOf = (count: number, characters: (index: number) => number): LogRow[] =>
  Array.from({ length: count }, (_, index) => ({
    id: crypto.randomUUID(),
    organization_id: null,
    actor_id: null,
    actor_type: "system",
    api_key_id: null,
    action_type: "CREATE",
    entity_type: "block",
    entity_id: null,
    entity_name: null,
    occurred_at: new Date(index).toISOString(),
    details: { new: "x".repeat(characters(index)) },
    ip_address: null,
    user_agent: null,
    request_id: null,
  }));

/** The rows as a stream, and the length of each page that was read for it. */
async function stream(rows: LogRow[]) {
  const pages: number[] = [];
  const body = await streamLog(
    ({ after, limit }) => {
      const start = after ? rows.indexOf(after) + 1 : 0;
      const page = rows.slice(start, start + limit);
      pages.push(page.length);
      return Promise.resolve(page);
    },
    ndjson,
    "test",
  );
  return { body, pages };
}

/** All that is due has been done: what is pulled without a client's asking, too. */
const settled = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("an export reads one page ahead of its client, and none for one that has gone", async () => {
  const { body, pages } = await stream(rowsOf(10_000, () => 10));
  const client = body.getReader();
  for (let taken = 0; taken < 4; taken += 1) {
    await settled();
    assert.ok(pages.length <= taken + 1, `${pages.length} pages read, ${taken} taken`);
    await client.read();
  }
  await client.cancel();
  await settled();
  assert.ok(pages.length <= 5);
});

Deno.test("pages of long rows hold fewer of them", async () => {
  const isLong = (index: number) => index >= 3_000 && index < 5_000;
  const rows = rowsOf(8_000, (index) => isLong(index) ? 50_000 : 10);
  const { body, pages } = await stream(rows);
  const text = await new Response(body).text();
  assert.equal(text.split("\n").length, rows.length + 1);
  assert.ok(pages.every((rows) => rows <= 1_000));
  assert.ok(pages.includes(1_000), "short rows come many at a time, also after long ones");
  assert.ok(pages.filter((rows) => rows > 0 && rows <= 20).length > 5, "long rows come few");
});

/** What stands between the function and the API: sees each read of the log, and may answer it. */
type Interceptor = (read: number, request: Request) => Promise<Response> | undefined;

/** Runs the function by itself behind an interceptor, and exports a log of several pages with it. */
async function withExport(
  intercept: Interceptor,
  test: (answer: Response, reads: () => number) => Promise<void>,
): Promise<void> {
  let reads = 0;
  await using api = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      const { pathname, search } = new URL(request.url);
      if (pathname === "/rest/v1/rpc/search_audit_logs") {
        const answer = intercept(reads += 1, request);
        if (answer) return answer;
      }
      const { method, headers, body } = request;
      return fetch(`${stack.url}${pathname}${search}`, { method, headers, body });
    },
  );
  const url = `http://127.0.0.1:${api.addr.port}`;
  const audit = await startFunction("audit", { ...stack, url });
  try {
    const { owner } = await createTenant();
    await fill(owner);
    const answer = await fetch(`${audit.url}/audit/export?format=ndjson`, {
      headers: {
        authorization: `Bearer ${owner.token}`,
        "x-organization-id": owner.organizationId,
      },
    });
    await test(answer, () => reads);
  } finally {
    await audit.stop();
  }
}

async function fill({ id, organizationId }: User): Promise<void> {
  await sql`
    insert into public.audit_logs (organization_id, actor_id, actor_type, action_type, entity_type)
    select ${organizationId}, ${id}, 'user', 'CREATE', 'test' from generate_series(1, 2500)`;
}

Deno.test("a client that goes away ends the reading in the middle", async () => {
  let isDropped = false;
  await withExport((read, { signal }) => {
    if (read !== 3) return undefined;
    return new Promise((resolve) =>
      signal.addEventListener("abort", () => {
        isDropped = true;
        resolve(new Response());
      })
    );
  }, async (answer, reads) => {
    const client = answer.body?.getReader();
    assert.ok((await client?.read())?.value);
    await waitFor(() => reads() === 3, { what: "the third page's reading" });
    assert.ok(!isDropped);
    await client?.cancel();
    await waitFor(() => isDropped, { timeout: 5_000, what: "the end of the reading" });
    assert.equal(reads(), 3);
  });
});

Deno.test("a failure in the middle breaks the export off", async () => {
  await withExport(
    (read) => read === 3 ? Promise.resolve(new Response("{}", { status: 500 })) : undefined,
    async (answer, reads) => {
      assert.equal(answer.status, 200);
      await assert.rejects(answer.text());
      assert.equal(reads(), 3);
    },
  );
});

Deno.test("a failure at the beginning is a problem", async () => {
  const failure = { code: "57014", message: "statement timeout", details: null, hint: null };
  await withExport(
    () => Promise.resolve(Response.json(failure, { status: 500 })),
    async (answer) => {
      assert.equal(answer.status, 503);
      assert.equal(answer.headers.get("content-type"), "application/problem+json");
      assert.equal((await answer.json()).code, "database_unavailable");
    },
  );
});
