import assert from "node:assert/strict";
import { expect, refused } from "../harness/expect.ts";
import { holding, keyOf } from "../harness/keys.ts";
import { createTenant } from "../harness/tenant.ts";

Deno.test("a key with a limit gives neither itself nor another one a looser one", async () => {
  const { owner } = await createTenant();
  const limit = { rate_limit: 100, rate_window_seconds: 60 };
  const { caller, row } = await keyOf(owner, ["keys:*"], limit);
  const looser = [
    { rate_limit: null },
    { rate_limit: 101 },
    { rate_limit: 100, rate_window_seconds: 59 },
  ];
  for (const change of looser) {
    refused(await caller.patch(`/keys/${row.id}`, change), 403, "forbidden");
    const body = { name: "Child", scopes: ["keys:read"], ...limit, ...change };
    refused(await caller.post("/keys", body), 403, "forbidden");
  }
  refused(await caller.post("/keys", { name: "Child", scopes: ["keys:read"] }), 403, "forbidden");
  assert.equal(expect(await owner.get(`/keys/${row.id}`), 200).rate_limit, 100);
  // The same or a tighter one is theirs to give, and its user may do as they like.
  expect(await caller.post("/keys", { name: "Child", scopes: ["keys:read"], ...limit }), 201);
  expect(await caller.patch(`/keys/${row.id}`, { rate_limit: 50 }), 200);
  expect(await owner.patch(`/keys/${row.id}`, { rate_limit: null }), 200);
});

Deno.test("rotating a key lifts no limit", async () => {
  const { owner } = await createTenant();
  const limit = { rate_limit: 3, rate_window_seconds: 3600 };
  const { caller, row } = await keyOf(owner, ["keys:*"], limit);
  expect(await caller.get("/keys"), 200);
  const next = expect(await caller.post(`/keys/${row.id}/rotate`, {}), 201);
  const after = holding(owner, next);
  expect(await after.get("/keys"), 200);
  refused(await after.get("/keys"), 429, "rate_limited");
});

Deno.test("nor does a grace, in which two keys have one limit", async () => {
  const { owner } = await createTenant();
  const limit = { rate_limit: 3, rate_window_seconds: 3600 };
  const { caller, row } = await keyOf(owner, ["keys:*"], limit);
  const body = { grace_seconds: 3600 };
  const next = expect(await caller.post(`/keys/${row.id}/rotate`, body), 201);
  const after = holding(owner, next);
  expect(await after.get("/keys"), 200);
  expect(await caller.get("/keys"), 200);
  for (const either of [caller, after]) refused(await either.get("/keys"), 429, "rate_limited");
});
