import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { createApproved, createAssistant, createTeam, createTool } from "../harness/assistants.ts";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { collectPages } from "../harness/pages.ts";
import { createTenant } from "../harness/tenant.ts";

const ALL = "/llm-assistant/assistants";
const UNKNOWN = `${ALL}/00000000-0000-4000-8000-000000000000`;
const ids = (rows: Body[]) => rows.map(({ id }) => id).toSorted();

Deno.test("create_assistant", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const member = await tenant.user("member");

  await t.step("makes a draft of the caller's", async () => {
    const answer = await member.post(ALL, { name: "Helper" });
    const made = expect(answer, 201);
    assert.equal(answer.headers.get("etag"), `"${made.revision}"`);
    assert.deepEqual(
      [made.creator_id, made.approval_status, made.status, made.access_level, made.is_public],
      [member.id, "draft", "pending", "team", false],
    );
    assert.deepEqual(
      [made.risk_level, made.usage_count, made.rating, made.rating_count, made.monthly_cost],
      ["low", 0, 0, 0, 0],
    );
  });
  await t.step("reckons the risk from what it may do", async () => {
    const tool = await createTool(member);
    const risks: [string, Body][] = [
      ["low", {}],
      ["medium", { web_access: true }],
      ["medium", { tools: ["search_documents", "get_run"] }],
      ["high", { tools: ["run_pipeline"] }],
      ["high", { tools: [tool.name] }],
      ["high", { web_access: true, access_level: "public" }],
    ];
    for (const [risk, values] of risks) {
      const { risk_level } = await createAssistant(member, values);
      assert.equal(risk_level, risk, JSON.stringify(values));
    }
  });
  await t.step("scores what is declared", async () => {
    const bare = expect(await member.post(ALL, { name: "Bare" }), 201);
    assert.equal(bare.compliance_score, 30);
    const whole = { description: "Explains the weather", category: "weather" };
    assert.equal((await createAssistant(member, whole)).compliance_score, 70);
    assert.equal((await createApproved(tenant, member, whole)).compliance_score, 100);
    assert.equal((await createApproved(tenant, owner, whole)).compliance_score, 90);
  });
  await t.step("takes is_public as the access level public", async () => {
    const made = expect(await member.post(ALL, { name: "Open", is_public: true }), 201);
    assert.deepEqual([made.access_level, made.is_public], ["public", true]);
  });
  await t.step("refuses", async () => {
    const bad = async (values: Body, ...paths: string[]) =>
      refused(await member.post(ALL, { name: "x", ...values }), 422, "validation_failed", paths);
    await bad({ name: " " }, "name");
    await bad({ temperature: 9 }, "temperature");
    await bad({ max_tokens: 0 }, "max_tokens");
    await bad({ tools: ["no_such"] }, "tools");
    await bad({ tools: ["get_run", "get_run"] }, "tools");
    await bad({ is_public: true, access_level: "team" }, "is_public");
    await bad({ team_id: (await createTeam(await createTenant())).id }, "team_id");
    await bad({ approval_status: "approved" });
    await bad({ usage_count: 5 });
    const foreign = await createTool(await tenant.stranger());
    await bad({ tools: [foreign.name] }, "tools");
    const team = await createTeam(tenant);
    refused(await member.post(ALL, { name: "x", team_id: team.id }), 403, "forbidden");
    expect(await owner.post(ALL, { name: "x", team_id: team.id }), 201);
  });
  await t.step("is refused to", async (t) => {
    const body = { name: "Hacked" };
    await attack(t, { tenant, method: "POST", path: ALL, body, stranger: "own" });
  });
});

Deno.test("list_assistants and get_assistant", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const [member, colleague] = [await tenant.user("member"), await tenant.join("member")];
  const team = await createTeam(tenant, colleague);
  const own = await createAssistant(member, { access_level: "team", name: "Own 100%" });
  const ofTeam = await createAssistant(owner, { access_level: "team", team_id: team.id });
  const ofAll = await createApproved(tenant, owner, { category: "weather", tags: ["rain", "sun"] });

  await t.step("show what the access level names", async () => {
    const seen = async (user: typeof owner) => ids(expect(await user.get(ALL), 200).data);
    assert.deepEqual(await seen(owner), ids([own, ofTeam, ofAll]));
    assert.deepEqual(await seen(member), ids([own, ofAll]));
    assert.deepEqual(await seen(colleague), ids([ofTeam, ofAll]));
    refused(await colleague.get(`${ALL}/${own.id}`), 404, "not_found");
    assert.equal(expect(await colleague.get(`${ALL}/${ofTeam.id}`), 200).prompt, "Be brief.");
  });
  await t.step("end with the place in the team", async () => {
    const path = `/organizations/teams/${team.id}/members`;
    const [place] = expect(await owner.get(path), 200).data;
    expect(await owner.delete(`${path}/${place.id}`), 204);
    refused(await colleague.get(`${ALL}/${ofTeam.id}`), 404, "not_found");
  });
  await t.step("filter", async () => {
    const found = async (query: string) =>
      ids(expect(await owner.get(`${ALL}?${query}`), 200).data);
    assert.deepEqual(await found(`team_id=${team.id}`), ids([ofTeam]));
    assert.deepEqual(await found("status=active"), ids([ofAll]));
    assert.deepEqual(await found("approval_status=draft"), ids([own, ofTeam]));
    assert.deepEqual(await found("category=weather"), ids([ofAll]));
    assert.deepEqual(await found("tag=rain"), ids([ofAll]));
    assert.deepEqual(await found("tag=rai"), []);
    assert.deepEqual(await found("q=RAI"), ids([ofAll]));
    assert.deepEqual(await found(`q=${encodeURIComponent("100%")}`), ids([own]));
    assert.deepEqual(await found(`q=${encodeURIComponent("1%0")}`), []);
    assert.deepEqual(await found(`creator_id=${member.id}&access_level=team`), ids([own]));
    refused(await owner.get(`${ALL}?status=x`), 422, "validation_failed", ["query.status"]);
  });
  await t.step("come in pages", async () => {
    const pages = await collectPages(owner, `${ALL}?limit=2`);
    assert.deepEqual(pages.map((page) => page.length), [2, 1]);
    assert.equal(new Set(pages.flat().map(({ id }) => id)).size, 3);
    refused(await owner.get(`${ALL}?cursor=x`), 400, "invalid_cursor");
  });
  await t.step("know no other ids", async () => {
    refused(await owner.get(UNKNOWN), 404, "not_found");
    refused(await owner.get(`${ALL}/x`), 404, "not_found");
  });
  await t.step(
    "list is refused to",
    (t) => attack(t, { tenant, method: "GET", path: ALL, stranger: "empty" }),
  );
  await t.step(
    "get is refused to",
    (t) => attack(t, { tenant, method: "GET", path: `${ALL}/${ofAll.id}` }),
  );
});

Deno.test("update_assistant", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const member = await tenant.user("member");
  const admin = await tenant.user("admin");

  await t.step("is for its creator and for admins", async () => {
    const { id } = await createAssistant(member);
    const path = `${ALL}/${id}`;
    const changed = expect(await member.patch(path, { name: "Brief", tags: ["a"] }), 200);
    assert.deepEqual([changed.name, changed.tags], ["Brief", ["a"]]);
    assert.equal(expect(await admin.patch(path, { temperature: 0 }), 200).temperature, 0);
    refused(await (await tenant.join("member")).patch(path, { name: "x" }), 403, "forbidden");
  });
  await t.step("honours If-Match", async () => {
    const { id, revision } = await createAssistant(member);
    const headers = { "if-match": `"${revision}"` };
    expect(await member.patch(`${ALL}/${id}`, { name: "One" }, { headers }), 200);
    refused(
      await member.patch(`${ALL}/${id}`, { name: "Two" }, { headers }),
      412,
      "precondition_failed",
    );
  });
  await t.step("keeps is_public and the access level one", async () => {
    const { id } = await createAssistant(member);
    const change = async (values: Body) => {
      const { access_level, is_public } = expect(await member.patch(`${ALL}/${id}`, values), 200);
      return [access_level, is_public];
    };
    assert.deepEqual(await change({ is_public: false }), ["organization", false]);
    assert.deepEqual(await change({ is_public: true }), ["public", true]);
    assert.deepEqual(await change({ access_level: "team" }), ["team", false]);
    assert.deepEqual(await change({ access_level: "public" }), ["public", true]);
    assert.deepEqual(await change({ is_public: false }), ["organization", false]);
  });
  await t.step("an admin raises the risk, never below what it may do", async () => {
    const { id } = await createAssistant(member, { web_access: true });
    const path = `${ALL}/${id}`;
    refused(await member.patch(path, { risk_level: "high" }), 403, "forbidden");
    assert.equal(expect(await admin.patch(path, { risk_level: "high" }), 200).risk_level, "high");
    // What was raised by hand stays, whatever it may do.
    assert.equal(expect(await member.patch(path, { web_access: false }), 200).risk_level, "high");
    assert.equal(expect(await admin.patch(path, { risk_level: "low" }), 200).risk_level, "low");
    expect(await member.patch(path, { tools: ["get_run"] }), 200);
    refused(await admin.patch(path, { risk_level: "low" }), 422, "validation_failed", [
      "risk_level",
    ]);
    assert.equal(expect(await member.patch(path, { tools: [] }), 200).risk_level, "low");
  });
  await t.step("switches off, and only an admin suspends", async () => {
    const { id } = await createApproved(tenant, member);
    const path = `${ALL}/${id}`;
    const set = async (user: typeof owner, status: string) =>
      expect(await user.patch(path, { status }), 200).status;
    assert.equal(await set(member, "inactive"), "inactive");
    assert.equal(await set(member, "active"), "active");
    assert.equal(await set(member, "pending"), "active");
    refused(await member.patch(path, { status: "suspended" }), 403, "forbidden");
    assert.equal(await set(admin, "suspended"), "suspended");
    refused(await member.patch(path, { status: "active" }), 403, "forbidden");
    assert.equal(await set(admin, "active"), "active");
    const draft = await createAssistant(member);
    const answer = await member.patch(`${ALL}/${draft.id}`, { status: "active" });
    assert.equal(expect(answer, 200).status, "pending");
  });
  await t.step("refuses", async () => {
    const { id } = await createAssistant(member);
    refused(await member.patch(UNKNOWN, { name: "x" }), 404, "not_found");
    for (const body of [{ rating: 5 }, { creator_id: owner.id }, { temperature: -1 }]) {
      refused(await member.patch(`${ALL}/${id}`, body), 422, "validation_failed");
    }
  });
  await t.step("is refused to", async (t) => {
    const path = `${ALL}/${(await createAssistant(owner)).id}`;
    const body = { prompt: "Hacked" };
    await attack(t, { tenant, method: "PATCH", path, body, minimumRole: "admin" });
  });
});

Deno.test("delete_assistant", async (t) => {
  const tenant = await createTenant();
  const { id } = await createApproved(tenant, tenant.owner);
  await t.step("is refused to", async (t) => {
    await attack(t, { tenant, method: "DELETE", path: `${ALL}/${id}`, minimumRole: "admin" });
  });
  await t.step("removes it with its ratings and reviews", async () => {
    const member = await tenant.user("member");
    expect(await member.post(`${ALL}/${id}/ratings`, { rating: 4 }), 201);
    expect(await tenant.owner.delete(`${ALL}/${id}`), 204);
    refused(await tenant.owner.get(`${ALL}/${id}`), 404, "not_found");
    refused(await tenant.owner.delete(`${ALL}/${id}`), 404, "not_found");
    const own = await createAssistant(member);
    expect(await member.delete(`${ALL}/${own.id}`), 204);
  });
});
