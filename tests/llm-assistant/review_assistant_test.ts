import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { approve, createApproved, createAssistant, createTool } from "../harness/assistants.ts";
import { attack } from "../harness/battery.ts";
import { rest } from "../harness/client.ts";
import { expect, refused } from "../harness/expect.ts";
import { createTenant, type User } from "../harness/tenant.ts";

const ALL = "/llm-assistant/assistants";
const UNKNOWN = `${ALL}/00000000-0000-4000-8000-000000000000`;

const step = (user: User, id: string, action: string, note?: string) =>
  user.post(`${ALL}/${id}/${action}`, note === undefined ? {} : { note });
/** What the call of an assistant begins with. */
const use = (user: User, id: string) =>
  rest("POST", "/rpc/get_assistant_for_use", { token: user.token, body: { assistant_id: id } });

Deno.test("submit_assistant, approve_assistant and reject_assistant", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const [member, admin] = [await tenant.user("member"), await tenant.user("admin")];
  const colleague = await tenant.join("member");

  await t.step("take a draft to its users", async () => {
    const { id } = await createAssistant(member);
    assert.equal(expect(await use(member, id), 200).prompt, "Be brief.");
    assert.equal(expect(await use(admin, id), 200).id, id);
    assert.equal((await use(colleague, id)).body.hint, "assistant_not_approved");
    const submitted = await step(member, id, "submit", "Please");
    assert.equal(expect(submitted, 200).approval_status, "pending");
    assert.equal(submitted.headers.get("etag"), `"${submitted.body.revision}"`);
    assert.equal((await use(colleague, id)).status, 409);
    const approved = expect(await approve(admin, id), 200);
    assert.deepEqual(
      [approved.approval_status, approved.status, approved.approved_by],
      ["approved", "active", admin.id],
    );
    assert.equal(expect(await use(colleague, id), 200).id, id);
  });
  await t.step("a rejected one is mended and submitted again", async () => {
    const { id } = await createAssistant(member);
    expect(await step(member, id, "submit"), 200);
    const rejected = expect(await step(admin, id, "reject", "Too brief"), 200);
    assert.deepEqual([rejected.approval_status, rejected.status], ["rejected", "pending"]);
    expect(await step(member, id, "submit"), 200);
    expect(await approve(owner, id, { note: "Better" }), 200);
    const path = `${ALL}/${id}/reviews`;
    const reviews = expect(await member.get(path), 200).data;
    assert.deepEqual(
      reviews.map(({ action, note, created_by }: Body) => [action, note, created_by]),
      [
        ["approve", "Better", owner.id],
        ["submit", null, member.id],
        ["reject", "Too brief", admin.id],
        ["submit", null, member.id],
      ],
    );
    assert.deepEqual(expect(await colleague.get(path), 200).data, []);
  });
  await t.step("are taken in turn", async () => {
    const { id } = await createAssistant(member);
    refused(await approve(admin, id), 409, "invalid_transition");
    refused(await step(admin, id, "reject", "No"), 409, "invalid_transition");
    expect(await step(member, id, "submit"), 200);
    refused(await step(member, id, "submit"), 409, "invalid_transition");
    refused(await step(admin, id, "reject"), 422, "validation_failed", ["note"]);
    expect(await approve(admin, id), 200);
    refused(await approve(admin, id), 409, "invalid_transition");
    refused(await step(admin, id, "reject", "No"), 409, "invalid_transition");
    refused(await owner.post(`${UNKNOWN}/submit`), 404, "not_found");
  });
  await t.step("approve needs If-Match: what changed meanwhile was not judged", async () => {
    const { id } = await createAssistant(member);
    const { revision } = expect(await step(member, id, "submit"), 200);
    const blind = refused(await step(admin, id, "approve"), 412, "precondition_failed");
    assert.match(blind.detail, /If-Match/);
    const anything = { headers: { "if-match": "*" } };
    refused(
      await admin.post(`${ALL}/${id}/approve`, {}, anything),
      412,
      "precondition_failed",
    );
    expect(await member.patch(`${ALL}/${id}`, { prompt: "Be evil." }), 200);
    const headers = { "if-match": `"${revision}"` };
    refused(
      await admin.post(`${ALL}/${id}/approve`, {}, { headers }),
      412,
      "precondition_failed",
    );
  });
  for (const action of ["submit", "approve", "reject"]) {
    await t.step(`${action} is refused to`, async (t) => {
      const { id } = await createAssistant(owner);
      if (action !== "submit") expect(await step(owner, id, "submit"), 200);
      const [path, body] = [`${ALL}/${id}/${action}`, { note: "x" }];
      await attack(t, { tenant, method: "POST", path, body, minimumRole: "admin" });
    });
  }
  await t.step("list_reviews is refused to", async (t) => {
    const { id } = await createAssistant(owner);
    await attack(t, { tenant, method: "GET", path: `${ALL}/${id}/reviews` });
  });
});

Deno.test("an approval is of what was judged", async (t) => {
  const tenant = await createTenant();
  const member = await tenant.user("member");
  const colleague = await tenant.join("member");
  const tool = await createTool(member);
  const stateOf = async (id: string) => {
    const { approval_status, status } = expect(await member.get(`${ALL}/${id}`), 200);
    return [approval_status, status];
  };

  const judged: Body[] = [
    { prompt: "Be evil." },
    { model: "gpt-5" },
    { tools: ["run_pipeline"] },
    { web_access: true },
    { access_level: "public" },
    { is_public: true },
    { settings: { tool_approval: {} } },
  ];
  for (const change of judged) {
    await t.step(`a change of ${Object.keys(change)} ends it`, async () => {
      const { id } = await createApproved(tenant, member);
      expect(await use(colleague, id), 200);
      const changed = expect(await member.patch(`${ALL}/${id}`, change), 200);
      assert.deepEqual([changed.approval_status, changed.approved_by], ["pending", null]);
      assert.deepEqual(await stateOf(id), ["pending", "pending"]);
      assert.equal((await use(colleague, id)).body.hint, "assistant_not_approved");
      const [latest] = expect(await member.get(`${ALL}/${id}/reviews`), 200).data;
      assert.equal(latest.action, "reopen");
      assert.match(
        latest.note,
        new RegExp(Object.keys(change)[0]?.replace("is_public", "access") ?? ""),
      );
    });
  }
  await t.step("other changes do not, nor does what changes nothing", async () => {
    const { id } = await createApproved(tenant, member);
    const change = {
      name: "N",
      description: "D",
      temperature: 1,
      tags: ["t"],
      prompt: "Be brief.",
    };
    expect(await member.patch(`${ALL}/${id}`, change), 200);
    assert.deepEqual(await stateOf(id), ["approved", "active"]);
  });
  await t.step("a change of its tool's code ends it, too", async () => {
    const { id, revision } = await createApproved(tenant, member, { tools: [tool.name] });
    expect(await member.patch(`/llm-assistant/tools/${tool.id}`, { code: tool.code }), 200);
    assert.deepEqual(await stateOf(id), ["approved", "active"]);
    expect(await member.patch(`/llm-assistant/tools/${tool.id}`, { code: "return 0;" }), 200);
    assert.deepEqual(await stateOf(id), ["pending", "pending"]);
    const now = expect(await member.get(`${ALL}/${id}`), 200);
    assert.ok(now.revision > revision, "whoever read it before has read something else");
  });
  await t.step("one that is switched off stays off", async () => {
    const { id } = await createApproved(tenant, member);
    expect(await member.patch(`${ALL}/${id}`, { status: "inactive" }), 200);
    assert.equal((await use(colleague, id)).status, 409);
    expect(await use(member, id), 200);
    expect(await member.patch(`${ALL}/${id}`, { prompt: "Other" }), 200);
    expect(await approve(tenant.owner, id), 200);
    assert.deepEqual(await stateOf(id), ["approved", "inactive"]);
    expect(await tenant.owner.patch(`${ALL}/${id}`, { status: "suspended" }), 200);
    assert.equal((await use(tenant.owner, id)).status, 409);
  });
});
