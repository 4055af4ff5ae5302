import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { createApproved, createAssistant, createTeam, createTool } from "../harness/assistants.ts";
import { rest } from "../harness/client.ts";
import { expect } from "../harness/expect.ts";
import { addsNothing, changesNothing, rowOf } from "../harness/hostile.ts";
import { createTenant, personalOrganization } from "../harness/tenant.ts";
import { mintToken } from "../harness/tokens.ts";

Deno.test("a client that goes past the functions can't approve, rate or count for itself", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const [member, other] = [await tenant.user("member"), await tenant.join("member")];
  const stranger = await tenant.stranger();
  const { id } = await createAssistant(member);
  const change = (values: Body, user = member) =>
    changesNothing(
      "assistants",
      id,
      () => user.rest("PATCH", `/assistants?id=eq.${id}`, values),
    );

  await t.step("columns that the database keeps", async () => {
    const changes = [
      { approval_status: "approved" },
      { approved_by: member.id, approved_at: "2026-01-01" },
      { risk_floor: "low" },
      { compliance_score: 100 },
      { usage_count: 0 },
      { rating: 5 },
      { rating_sum: 500, rating_count: 100 },
      { monthly_cost: 0 },
      { cost_month: "2030-01-01" },
      { creator_id: other.id },
      { organization_id: stranger.organizationId },
      { revision: 1 },
      { created_at: "2020-01-01" },
    ];
    for (const values of changes) {
      await change(values);
      await change(values, owner);
    }
    const values = { organization_id: tenant.organizationId, name: crypto.randomUUID() };
    const forged = [
      { approval_status: "approved", approved_at: "2026-01-01" },
      { creator_id: other.id },
      { risk_level: "low", tools: ["run_pipeline"] },
      { usage_count: 99 },
    ];
    for (const more of forged) {
      await addsNothing(
        "assistants",
        { name: values.name },
        () => member.rest("POST", "/assistants", { ...values, ...more }),
      );
    }
  });
  await t.step("states that only an admin gives", async () => {
    await change({ risk_level: "high" });
    await change({ status: "suspended" });
    await member.rest("PATCH", `/assistants?id=eq.${id}`, { status: "active" });
    assert.equal((await rowOf("assistants", id)).status, "pending");
    const values = { organization_id: tenant.organizationId, name: "New", status: "active" };
    const [made] = expect(await member.rest("POST", "/assistants", values), 201);
    assert.deepEqual([made.status, made.approval_status, made.is_public], [
      "pending",
      "draft",
      false,
    ]);
  });
  await t.step("the approval's own command", async () => {
    const submitted = { assistant_id: id, action: "submit" };
    expect(await member.rest("POST", "/rpc/review_assistant", submitted), 200);
    for (const action of ["approve", "reject", "reopen", "x"]) {
      await changesNothing(
        "assistants",
        id,
        () => member.rest("POST", "/rpc/review_assistant", { assistant_id: id, action, note: "x" }),
      );
    }
    for (const user of [other, stranger]) {
      const body = { assistant_id: id, action: "submit" };
      await changesNothing(
        "assistants",
        id,
        () => user.rest("POST", "/rpc/review_assistant", body),
      );
    }
  });
  await t.step("the reviews", async () => {
    const forged = { assistant_id: id, action: "approve", assistant_revision: 1 };
    await addsNothing(
      "assistant_reviews",
      { assistant_id: id },
      () => owner.rest("POST", "/assistant_reviews", forged),
    );
    const [review] = expect(
      await owner.rest("GET", `/assistant_reviews?assistant_id=eq.${id}`),
      200,
    );
    const path = `/assistant_reviews?id=eq.${review.id}`;
    await changesNothing(
      "assistant_reviews",
      review.id,
      () => owner.rest("PATCH", path, { note: "x" }),
    );
    await changesNothing("assistant_reviews", review.id, () => owner.rest("DELETE", path));
  });
  await t.step("tools, teams and tenants that are not theirs", async () => {
    const tool = await createTool(stranger);
    const ours = await createTeam(tenant);
    const theirs = await createTeam(await createTenant());
    await change({ tools: [tool.name] });
    await change({ tools: [null] });
    await change({ team_id: theirs.id }, owner);
    await change({ team_id: ours.id });
    await change({ name: "Hacked" }, other);
    await change({ name: "Hacked" }, stranger);
    await changesNothing("assistants", id, () => other.rest("DELETE", `/assistants?id=eq.${id}`));
    await changesNothing(
      "tools",
      tool.id,
      () => owner.rest("PATCH", `/tools?id=eq.${tool.id}`, { code: "return 0;" }),
    );
    const colleague = await createTool(member);
    await changesNothing(
      "tools",
      colleague.id,
      () => other.rest("PATCH", `/tools?id=eq.${colleague.id}`, { code: "return 0;" }),
    );
    await addsNothing(
      "assistants",
      { name: "Foreign" },
      () =>
        member.rest("POST", "/assistants", {
          organization_id: stranger.organizationId,
          name: "Foreign",
        }),
    );
  });
  await t.step("a tool that no model takes", async () => {
    const values = { organization_id: tenant.organizationId, description: "x", code: "return 1;" };
    for (
      const more of [
        { name: "run_pipeline" },
        { name: "a b" },
        { name: "s", parameters: { type: "string" } },
        { name: "s", parameters: {} },
        { name: "s", parameters: [] },
      ]
    ) {
      await addsNothing(
        "tools",
        { name: more.name },
        () => member.rest("POST", "/tools", { ...values, ...more }),
      );
    }
  });
  await t.step("a pipeline's step, which any member may have written", async () => {
    const claims = { organization_id: tenant.organizationId, step_id: crypto.randomUUID() };
    const token = await mintToken(member.id, { claims });
    const body = { prompt: "Hacked" };
    await changesNothing(
      "assistants",
      id,
      () => rest("PATCH", `/assistants?id=eq.${id}`, { token, body }),
    );
  });
});

Deno.test("a client that goes past the functions rates once, and nobody else's name", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const [member, other] = [await tenant.user("member"), await tenant.join("member")];
  const stranger = await tenant.stranger();
  const { id } = await createApproved(tenant, owner, { access_level: "public" });
  const add = (user: typeof owner, values: Body = {}) =>
    addsNothing(
      "assistant_ratings",
      { assistant_id: id },
      () => user.rest("POST", "/assistant_ratings", { assistant_id: id, rating: 5, ...values }),
    );

  await t.step("their own assistant, or as somebody else, or from another tenant", async () => {
    await add(owner);
    await add(member, { user_id: other.id });
    await add(member, { rating: 6 });
    await add(stranger);
    const draft = await createAssistant(owner);
    await add(member, { assistant_id: draft.id });
    const foreign = other.in(await personalOrganization(other));
    await add(foreign, { organization_id: foreign.organizationId });
  });
  await t.step("twice, or another's", async () => {
    const body = { assistant_id: id, rating: 5 };
    const [rating] = expect(await member.rest("POST", "/assistant_ratings", body), 201);
    await add(member);
    const path = `/assistant_ratings?id=eq.${rating.id}`;
    for (const user of [other, owner, stranger]) {
      await changesNothing(
        "assistant_ratings",
        rating.id,
        () => user.rest("PATCH", path, { rating: 1 }),
      );
      await changesNothing("assistant_ratings", rating.id, () => user.rest("DELETE", path));
    }
    await changesNothing(
      "assistant_ratings",
      rating.id,
      () => member.rest("PATCH", path, { user_id: other.id }),
    );
  });
  await t.step("what they can't see", async () => {
    const { id } = await createApproved(tenant, owner, { access_level: "team" });
    const body = { assistant_id: id, rating: 1 };
    for (const path of ["/rpc/rate_assistant", "/assistant_ratings"]) {
      await addsNothing(
        "assistant_ratings",
        { assistant_id: id },
        () => member.rest("POST", path, body),
      );
    }
  });
});
