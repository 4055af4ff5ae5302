import assert from "node:assert/strict";
import { type Schema, Validator } from "@cfworker/json-schema";
import type { Body } from "../harness/answer.ts";
import { rest } from "../harness/client.ts";
import { expect } from "../harness/expect.ts";
import { uniqueName } from "../harness/pipelines.ts";
import { stack } from "../harness/stack.ts";
import { createTenant, type User } from "../harness/tenant.ts";

// What follows is the part of OCSF 1.8.0 that we write, taken from github.com/ocsf/ocsf-schema at the
// tag 1.8.0: events/iam/entity_management.json (which extends events/iam/iam.json and
// events/base_event.json), objects/{metadata,product,managed_entity,actor,user,network_endpoint,
// http_request}.json, types and common enums from dictionary.json, ids from categories.json.
// `requirement: required` is `required` here, `constraints.at_least_one` is `anyOf`. Attributes that
// are not listed are none that we write, and their absence from the schema fails the test.

const text: Schema = { type: "string", minLength: 1 };
const integer: Schema = { type: "integer" };
const json: Schema = { type: "object" };

const object = (properties: Record<string, Schema>, required: string[] = []): Schema => ({
  type: "object",
  properties,
  required,
  additionalProperties: false,
});

const atLeastOne = (names: string[], schema: Schema): Schema => ({
  ...schema,
  anyOf: names.map((name) => ({ required: [name] })),
});

const user = atLeastOne(
  ["account", "name", "uid"],
  object({
    uid: text,
    name: text,
    type: { enum: ["User", "System", "Service"] },
    // User, System, Service; the schema has 0, 2 and 99 besides.
    type_id: { enum: [1, 3, 4] },
    credential_uid: text,
  }),
);

const managedEntity = atLeastOne(
  ["name", "uid", "device", "group", "org", "policy", "user"],
  object({
    uid: text,
    name: text,
    type: text,
    // User, Organization, Other.
    type_id: { enum: [2, 4, 99] },
    org: atLeastOne(["name", "uid"], object({ uid: text, name: text })),
    user,
    data: json,
  }),
);

const entityManagement = object({
  activity_id: { enum: [1, 2, 3, 4] },
  activity_name: { enum: ["Create", "Read", "Update", "Delete"] },
  category_uid: { const: 3 },
  category_name: { const: "Identity & Access Management" },
  class_uid: { const: 3004 },
  class_name: { const: "Entity Management" },
  type_uid: { enum: [300401, 300402, 300403, 300404] },
  type_name: text,
  severity_id: { const: 1 },
  severity: { const: "Informational" },
  status_id: { const: 1 },
  status: { const: "Success" },
  // timestamp_t: milliseconds since the epoch. Seconds or microseconds would be out of these bounds.
  time: { type: "integer", minimum: 1.5e12, maximum: 4e12 },
  message: text,
  metadata: object({
    version: { const: "1.8.0" },
    product: atLeastOne(["name", "uid"], object({ name: text, vendor_name: text })),
    uid: text,
    tenant_uid: text,
    correlation_uid: text,
    log_name: text,
    original_time: text,
  }, ["version", "product"]),
  actor: atLeastOne(["process", "user", "invoked_by", "session"], object({ user })),
  entity: managedEntity,
  entity_result: managedEntity,
  src_endpoint: atLeastOne(
    ["ip", "uid", "name", "hostname"],
    object({ ip: { anyOf: [{ format: "ipv4" }, { format: "ipv6" }] }, port: integer }),
  ),
  http_request: object({ uid: text, user_agent: text }),
  unmapped: json,
}, [
  "activity_id",
  "category_uid",
  "class_uid",
  "entity",
  "metadata",
  "severity_id",
  "time",
  "type_uid",
]);

const validator = new Validator(entityManagement, "2020-12", false);

/** All events of the organization; each must satisfy the class. */
async function events(reader: User, query = ""): Promise<Body[]> {
  const answer: string = expect(await reader.get(`/audit/export?format=ocsf&${query}`), 200);
  return answer.trim().split("\n").map((line) => {
    const event = JSON.parse(line);
    const { valid, errors } = validator.validate(event);
    const broken = errors.map(({ instanceLocation, error }) => `${instanceLocation}: ${error}`);
    assert.ok(valid, `${line}\n${broken.join("\n")}`);
    assert.equal(event.type_uid, event.class_uid * 100 + event.activity_id);
    return event;
  });
}

Deno.test("each row of the log is an OCSF event of class 3004", async (t) => {
  const tenant = await createTenant();
  const { owner, organizationId } = tenant;
  const member = await tenant.user("member");
  const headers = { "x-request-id": crypto.randomUUID(), "user-agent": "Loom/1.0" };
  const name = uniqueName("rain");
  const body = { name, block_type: "dataset", spec: { kind: "inline", rows: [] } };
  const block = expect(await member.post("/pipelines/blocks", body, { headers }), 201);
  const path = `/pipelines/blocks/${block.id}`;
  expect(await owner.patch(path, { name: `${name} 2` }), 200);
  expect(await owner.delete(path), 204);
  expect(await owner.patch(`/organizations/${organizationId}`, { name: "Renamed" }), 200);
  const values = { organization_id: organizationId, name: "bare", block_type: "dataset" };
  expect(await rest("POST", "/blocks", { apikey: stack.secretKey, body: values }), 201);
  const rows = expect(await owner.get("/audit/logs?limit=100"), 200).data;
  const all = await events(owner);
  const ofBlock = all.filter(({ entity }) => entity.uid === block.id && entity.type === "block");

  await t.step("one event a row, and no row without", () => {
    const ids = new Set(all.map(({ metadata }) => metadata.uid));
    for (const { id } of rows) assert.ok(ids.has(id));
    assert.equal(ids.size, all.length);
  });

  await t.step("of a creation: who, from where, what", () => {
    const [created] = ofBlock;
    assert.equal(created.activity_id, 1);
    assert.deepEqual(created.actor, { user: { type_id: 1, type: "User", uid: member.id } });
    assert.equal(created.entity.name, name);
    assert.equal(created.entity.data.name, name);
    assert.equal(created.entity_result, undefined);
    assert.deepEqual(created.src_endpoint, { ip: "127.0.0.1" });
    const uid = headers["x-request-id"];
    assert.deepEqual(created.http_request, { uid, user_agent: "Loom/1.0" });
    assert.equal(created.metadata.correlation_uid, uid);
    assert.equal(created.metadata.tenant_uid, organizationId);
    const [row] = rows.filter(({ id }: Body) => id === created.metadata.uid);
    assert.equal(created.time, Date.parse(row.occurred_at));
    assert.equal(created.metadata.original_time, row.occurred_at);
    assert.equal(created.message, `Create block ${name}`);
  });

  await t.step("of a change: what it was, what it became, what changed", () => {
    const [renamed] = ofBlock.filter(({ entity, entity_result }) =>
      entity_result && entity_result.name !== entity.name
    );
    assert.equal(renamed.type_uid, 300403);
    assert.equal(renamed.entity.data.name, name);
    assert.equal(renamed.entity_result.data.name, `${name} 2`);
    assert.deepEqual(renamed.unmapped, { changed: ["name"] });
  });

  await t.step("of a removal: what it was", () => {
    const deleted = ofBlock.at(-1);
    assert.equal(deleted.activity_id, 4);
    assert.equal(deleted.entity.data.name, `${name} 2`);
    assert.equal(deleted.entity_result, undefined);
  });

  await t.step("of a read: the log itself, by its type", () => {
    const [read] = all.filter(({ activity_id }) => activity_id === 2);
    assert.equal(read.entity.name, "audit_log");
    assert.ok(read.unmapped.filters);
  });

  await t.step("organizations are what OCSF calls so", () => {
    const [renamed] = all.filter(({ entity }) => entity.type === "Organization").slice(-1);
    assert.equal(renamed.entity.type_id, 4);
    assert.deepEqual(renamed.entity_result.org, { uid: organizationId, name: "Renamed" });
  });

  await t.step("the service and the system are no users, and have no address", () => {
    const actors = new Map(all.map(({ actor }) => [actor.user.type, actor.user]));
    assert.deepEqual(actors.get("Service"), { type_id: 4, type: "Service", name: "service" });
    assert.deepEqual(actors.get("System"), { type_id: 3, type: "System", name: "system" });
    // The tenant's memberships were made by the database's owner, without a request.
    const [bySystem] = all.filter(({ actor }) => actor.user.type === "System");
    assert.ok(!("src_endpoint" in bySystem) && !("http_request" in bySystem));
  });

  await t.step("the schema knows a wrong event", () => {
    const [good] = ofBlock;
    const wrong = [
      { ...good, time: good.time / 1000 },
      { ...good, time: String(good.time) },
      { ...good, activity_id: 7 },
      { ...good, entity: { type: "block" } },
      { ...good, entity: undefined },
      { ...good, metadata: { product: { name: "Edgeloom" } } },
      { ...good, src_endpoint: { ip: "somewhere" } },
      { ...good, surprise: true },
    ];
    for (const event of wrong) {
      assert.ok(!validator.validate(JSON.parse(JSON.stringify(event))).valid);
    }
  });
});
