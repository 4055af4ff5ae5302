import assert from "node:assert/strict";
import { expect } from "../harness/expect.ts";
import { addsNothing, changesNothing } from "../harness/hostile.ts";
import { addProject, addShop, addTable } from "../harness/projects.ts";
import { createTenant, personalOrganization } from "../harness/tenant.ts";

Deno.test("a client that goes past the functions can't break a project", async (t) => {
  const tenant = await createTenant();
  const { owner, organizationId } = tenant;
  const stranger = await tenant.stranger();
  const shop = await addShop(owner);
  const foreign = await addShop(stranger);
  const [order] = shop.orders.columns;

  await t.step("put something into another tenant's", async () => {
    const table = { project_id: foreign.id, name: "mixed" };
    const column = { table_id: foreign.orders.id, name: "mixed" };
    await addsNothing("table_metadata", table, () => owner.rest("POST", "/table_metadata", table));
    await addsNothing(
      "column_metadata",
      column,
      () => owner.rest("POST", "/column_metadata", { ...column, data_type: "text" }),
    );
    const project = { organization_id: stranger.organizationId, name: "mixed" };
    await addsNothing("projects", project, () => owner.rest("POST", "/projects", project));
  });

  await t.step("say whose it is", async () => {
    const claims: [table: string, values: Record<string, string>][] = [
      ["table_metadata", { project_id: shop.id, name: "claimed", organization_id: organizationId }],
      ["column_metadata", {
        table_id: shop.orders.id,
        name: "claimed",
        data_type: "text",
        project_id: foreign.id,
      }],
      ["projects", { organization_id: organizationId, name: "claimed", created_by: stranger.id }],
    ];
    for (const [table, values] of claims) {
      await addsNothing(table, { name: "claimed" }, () => owner.rest("POST", `/${table}`, values));
    }
  });

  await t.step("join columns of two projects or two tenants", async () => {
    const other = await addTable(owner, await addProject(owner), "others");
    // One who is of both organizations may not mix them either.
    const both = await tenant.join("member");
    const mine = await addShop(both.in(await personalOrganization(both)));
    for (const target of [other.columns[0], foreign.orders.columns[0], mine.orders.columns[0]]) {
      const pair = { source_column_id: order.id, target_column_id: target.id };
      const turned = { source_column_id: target.id, target_column_id: order.id };
      for (const values of [pair, turned]) {
        for (const user of [owner, both]) {
          await addsNothing(
            "relationships",
            values,
            () => user.rest("POST", "/relationships", values),
          );
        }
      }
    }
    const wrong = { source_table_id: shop.customers.id, source_column_id: order.id };
    await addsNothing("relationships", wrong, () =>
      owner.rest("POST", "/relationships", {
        ...wrong,
        target_column_id: shop.customers.columns[1].id,
      }));
  });

  await t.step("move something, or count for themselves", async () => {
    const changes: [table: string, id: string, change: Record<string, unknown>][] = [
      ["projects", shop.id, { organization_id: stranger.organizationId }],
      ["projects", shop.id, { table_count: 0 }],
      ["projects", shop.id, { revision: 1 }],
      ["projects", shop.id, { created_by: stranger.id }],
      ["table_metadata", shop.orders.id, { project_id: foreign.id }],
      ["table_metadata", shop.orders.id, { organization_id: stranger.organizationId }],
      ["table_metadata", shop.orders.id, { name: "customers" }],
      ["column_metadata", order.id, { table_id: shop.customers.id }],
      ["column_metadata", order.id, { name: "amount" }],
      ["column_metadata", order.id, { position: -1 }],
      ["relationships", shop.relationship.id, { target_column_id: order.id }],
    ];
    for (const [table, id, change] of changes) {
      const answer = await changesNothing(
        table,
        id,
        () => owner.rest("PATCH", `/${table}?id=eq.${id}`, change),
      );
      assert.ok(answer.status >= 400, `${table} ${JSON.stringify(change)}: ${answer.status}`);
    }
    await changesNothing(
      "projects",
      foreign.id,
      () => owner.rest("DELETE", `/projects?id=eq.${foreign.id}`),
    );
    const member = await tenant.user("member");
    await changesNothing(
      "projects",
      shop.id,
      () => member.rest("DELETE", `/projects?id=eq.${shop.id}`),
    );
  });

  await t.step("read another tenant's by its words, or by way of their own", async () => {
    for (const table of ["projects", "table_metadata", "column_metadata"]) {
      const path = `/${table}?search_vector=wfts.orders%20or%20shop%20or%20amount&select=*`;
      const rows = expect(await owner.rest("GET", path), 200);
      assert.ok(rows.length > 0 && !JSON.stringify(rows).includes(foreign.organization_id));
    }
  });

  await t.step("what they may, they may", async () => {
    const member = await tenant.user("member");
    expect(await member.rest("DELETE", `/table_metadata?id=eq.${shop.customers.id}`), 200);
    const [project] = expect(await member.rest("GET", `/projects?id=eq.${shop.id}`), 200);
    assert.deepEqual([project.table_count, project.column_count], [1, 3]);
    expect(await owner.rest("DELETE", `/projects?id=eq.${shop.id}`), 200);
    assert.deepEqual(
      (await owner.rest("GET", `/column_metadata?project_id=eq.${shop.id}`)).body,
      [],
    );
  });
});
