import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { rest } from "../harness/client.ts";
import { expect, refused } from "../harness/expect.ts";
import { issueKey } from "../harness/keys.ts";
import { addProject, addShop } from "../harness/projects.ts";
import { createTenant, personalOrganization, type User } from "../harness/tenant.ts";
import { mintToken } from "../harness/tokens.ts";

const UNKNOWN = "00000000-0000-4000-8000-000000000000";

/** The rpcs as a bearer of this token calls them. */
const caller = (token?: string) => (name: string, body: Record<string, unknown> = {}) =>
  rest("POST", `/rpc/${name}`, { token, body });

/** The token that a function mints for a key of the user's. */
const keyToken = (user: User, organization_id: string, scopes: string[]) =>
  mintToken(user.id, { claims: { api_key_id: crypto.randomUUID(), organization_id, scopes } });

const names = (rows: Body) => rows.map(({ name }: Body) => name);

Deno.test("a project's schema over /rest/v1", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const member = await tenant.user("member");
  const shop = await addShop(member);
  const call = caller(owner.token);
  const body = { project_uuid: shop.id };

  await t.step("is one document, with columns in the order they were added", async () => {
    const schema = expect(await call("get_project_schema", body), 200);
    assert.deepEqual(Object.keys(schema), ["project", "tables", "relationships"]);
    const { project, tables, relationships } = schema;
    assert.equal(project.id, shop.id);
    assert.equal(project.created_by, member.id);
    assert.deepEqual([project.table_count, project.column_count], [2, 5]);
    assert.deepEqual(names(tables), ["customers", "orders"]);
    assert.deepEqual(names(tables[1].columns), ["id", "customer_id", "amount"]);
    assert.equal(tables[1].columns[2].data_type, "text");
    const [{ source_table, source_column, target_table, target_column }] = relationships;
    assert.deepEqual([source_table, source_column], ["orders", "customer_id"]);
    assert.deepEqual([target_table, target_column], ["customers", "id"]);
    assert.deepEqual(expect(await call("get_project_schema", body), 200), schema);
  });
  await t.step("has no tables yet", async () => {
    const empty = await addProject(owner, { name: "Empty" });
    const schema = expect(await call("get_project_schema", { project_uuid: empty.id }), 200);
    assert.deepEqual([schema.tables, schema.relationships], [[], []]);
  });
  await t.step("moves its revision with every change in it", async () => {
    const { revision } = expect(await call("get_project_schema", body), 200).project;
    const [{ id }] = shop.orders.columns;
    expect(await member.rest("PATCH", `/column_metadata?id=eq.${id}`, { data_type: "uuid" }), 200);
    const after = expect(await call("get_project_schema", body), 200).project;
    assert.equal(after.revision, revision + 1);
  });
  await t.step("is found by words", async () => {
    const found = await owner.rest("GET", "/table_metadata?search_vector=wfts.order&select=name");
    assert.deepEqual(names(expect(found, 200)), ["orders"]);
  });
  await t.step("does not exist for an unknown id, and needs an id", async () => {
    const answer = await call("get_project_schema", { project_uuid: UNKNOWN });
    assert.equal(answer.status, 404);
    assert.equal(answer.body.hint, "not_found");
    assert.equal(
      expect(await call("validate_project_ownership", { project_uuid: UNKNOWN }), 200),
      false,
    );
    for (const name of ["get_project_schema", "validate_project_ownership"]) {
      assert.ok((await call(name, { project_uuid: "x" })).status >= 400);
    }
  });
  await t.step("is nothing to another tenant or an anonymous caller", async () => {
    const stranger = caller((await tenant.stranger()).token);
    const unknown = await stranger("get_project_schema", { project_uuid: UNKNOWN });
    const foreign = await stranger("get_project_schema", body);
    assert.equal(foreign.status, 404);
    // The answers differ in the id that was asked for, and in nothing else.
    assert.equal(foreign.body.message.replace(shop.id, UNKNOWN), unknown.body.message);
    assert.equal(expect(await stranger("validate_project_ownership", body), 200), false);
    assert.deepEqual(expect(await stranger("get_user_projects"), 200), []);
    const named = { organization_uuid: tenant.organizationId };
    assert.deepEqual(expect(await stranger("get_user_projects", named), 200), []);
    for (const name of ["get_project_schema", "validate_project_ownership"]) {
      const { status, body: answer } = await caller()(name, body);
      assert.ok(status >= 400 && !JSON.stringify(answer).includes("orders"), `answered ${status}`);
    }
    assert.ok((await caller()("get_user_projects")).status >= 400);
  });
});

Deno.test("a user's projects over /rest/v1", async (t) => {
  const tenant = await createTenant();
  const member = await tenant.user("member");
  const personal = await personalOrganization(member);
  await addProject(member, { name: "Team's" });
  const own = await addProject(member.in(personal), { name: "Own" });
  const call = caller(member.token);

  await t.step("are those of all their organizations, the latest changed first", async () => {
    const rows = expect(await call("get_user_projects"), 200);
    assert.deepEqual(names(rows), ["Own", "Team's"]);
    assert.equal(rows[0].created_by, member.id);
    const path = "/projects?name=eq.Team's";
    expect(await member.rest("PATCH", path, { description: "changed" }), 200);
    assert.deepEqual(names(expect(await call("get_user_projects"), 200)), ["Team's", "Own"]);
  });
  await t.step("or of one", async () => {
    const rows = expect(await call("get_user_projects", { organization_uuid: personal }), 200);
    assert.deepEqual(rows.map(({ id }: Body) => id), [own.id]);
  });
  await t.step("a colleague's are the organization's", async () => {
    const rows = expect(await caller(tenant.owner.token)("get_user_projects"), 200);
    assert.deepEqual(names(rows), ["Team's"]);
  });
  await t.step("one who has left has none of them", async () => {
    const leaver = await tenant.join("member");
    const asLeaver = caller(leaver.token);
    assert.equal(expect(await asLeaver("get_user_projects"), 200).length, 1);
    const path = `/memberships?organization_id=eq.${tenant.organizationId}&user_id=eq.${leaver.id}`;
    expect(await leaver.rest("DELETE", path), 200);
    assert.deepEqual(expect(await asLeaver("get_user_projects"), 200), []);
  });
});

Deno.test("a key reads the projects of its own organization alone", async (t) => {
  const tenant = await createTenant();
  const { owner, organizationId } = tenant;
  const shop = await addShop(owner);
  const body = { project_uuid: shop.id };

  await t.step("with the token that is minted for it", async () => {
    const call = caller(await keyToken(owner, organizationId, ["projects:read"]));
    expect(await call("get_project_schema", body), 200);
    assert.deepEqual(names(expect(await call("get_user_projects"), 200)), ["Shop"]);
  });
  await t.step("not where it is another organization's, though its user may", async () => {
    const call = caller(
      await keyToken(owner, await personalOrganization(owner), ["projects:read"]),
    );
    assert.equal((await call("get_project_schema", body)).status, 404);
    assert.equal(expect(await call("validate_project_ownership", body), 200), false);
    assert.deepEqual(expect(await call("get_user_projects"), 200), []);
  });
  await t.step("and not as it is: it is for the functions, which ask for its scopes", async () => {
    for (const scopes of [["projects:read"], ["keys:read"]]) {
      const { key } = await issueKey(owner, scopes);
      for (const name of ["get_project_schema", "validate_project_ownership"]) {
        const { status } = await caller(key)(name, body);
        assert.ok(status >= 400, `answered ${status}`);
      }
    }
    refused(
      await owner.post("/keys", { name: "x", scopes: ["projects:fly"] }),
      422,
      "validation_failed",
    );
  });
});
