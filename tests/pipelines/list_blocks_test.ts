import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { collectPages } from "../harness/pages.ts";
import { createBlock } from "../harness/pipelines.ts";
import { sql } from "../harness/sql.ts";
import { createTenant, createUser } from "../harness/tenant.ts";

const PATH = "/pipelines/blocks";

Deno.test("list_blocks", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const weather = await createBlock(owner);
  const model = await createBlock(owner, { kind: "jsonata", expression: "input" });

  await t.step("shows the organization's blocks, newest first, with their versions", async () => {
    const { data, next_cursor } = expect(await owner.get(PATH), 200);
    assert.deepEqual(data.map((block: typeof weather) => block.id), [model.id, weather.id]);
    assert.deepEqual(data[1].current_version.spec, weather.current_version.spec);
    assert.equal(next_cursor, null);
  });

  await t.step("filters by name and type", async () => {
    const byName = await owner.get(`${PATH}?name=${encodeURIComponent(weather.name)}`);
    assert.deepEqual(byName.body.data.map(({ id }: typeof weather) => id), [weather.id]);
    const byType = await owner.get(`${PATH}?block_type=model`);
    assert.deepEqual(byType.body.data.map(({ id }: typeof weather) => id), [model.id]);
    assert.deepEqual((await owner.get(`${PATH}?name=nobody`)).body.data, []);
    refused(await owner.get(`${PATH}?block_type=view`), 422, "validation_failed", [
      "query.block_type",
    ]);
  });

  await t.step("a page is 1 to 100 rows", async () => {
    for (const limit of ["0", "-1", "101", "1e9", "many", "1.5"]) {
      const answer = await owner.get(`${PATH}?limit=${limit}`);
      refused(answer, 422, "validation_failed", ["query.limit"]);
    }
    assert.equal((await owner.get(`${PATH}?limit=1`)).body.data.length, 1);
  });

  await t.step("refuses a cursor that it did not give", async () => {
    const forged = (value: unknown) => btoa(JSON.stringify(value)).replace(/=+$/, "");
    const cursors = [
      "x",
      "%22",
      forged([]),
      forged(["2026-01-01", "1 or 1=1"]),
      forged(["yesterday", weather.id]),
      // Times that a lenient parser takes, and that would bring a filter of their own along.
      forged(['2026-01-01 (",name.neq.zz)', weather.id]),
      forged(['epoch",name.neq.zz,created_at.lt."1 Jan 2020', weather.id]),
      forged({ id: weather.id }),
    ];
    for (const cursor of cursors) {
      refused(await owner.get(`${PATH}?cursor=${cursor}`), 400, "invalid_cursor");
    }
  });

  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "GET", path: PATH, stranger: "empty" }),
  );
});

Deno.test("paging through rows of one moment meets each of them once", async () => {
  const user = await createUser();
  // One statement is one moment: all rows have the same created_at.
  await sql`
    insert into public.blocks (organization_id, name, block_type)
    select ${user.organizationId}, 'block ' || n, 'dataset' from generate_series(1, 25) n`;
  const pages = await collectPages(user, `${PATH}?limit=10`);
  assert.deepEqual(pages.map((page) => page.length), [10, 10, 5]);
  const names = pages.flat().map(({ name }) => name);
  assert.equal(new Set(names).size, 25);
});
