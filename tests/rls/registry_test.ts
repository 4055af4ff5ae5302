import assert from "node:assert/strict";
import { expect } from "../harness/expect.ts";
import { addsNothing, changesNothing, rowOf } from "../harness/hostile.ts";
import { createBlock, createEdge, createVerifiedEdge } from "../harness/pipelines.ts";
import { createTenant } from "../harness/tenant.ts";

Deno.test("a client that goes past the functions can't forge the registry", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const stranger = await tenant.stranger();
  const block = await createBlock(owner);
  const edge = await createEdge(owner);
  const version = block.current_version;

  await t.step("a passed verification", async () => {
    const edge_version_id = edge.current_version_id;
    const passed = {
      edge_version_id,
      verification_status: "passed",
      verified_at: new Date().toISOString(),
    };
    await addsNothing(
      "edge_verifications",
      { edge_version_id },
      () => owner.rest("POST", "/edge_verifications", passed),
    );
    const [pending] = expect(
      await owner.rest("POST", "/edge_verifications", { edge_version_id }),
      201,
    );
    assert.equal(pending.verification_status, "pending");
    const { edge_version_id: _, ...forged } = passed;
    await changesNothing(
      "edge_verifications",
      pending.id,
      () => owner.rest("PATCH", `/edge_verifications?id=eq.${pending.id}`, forged),
    );
    // An upsert is an insert that ends as an update.
    await changesNothing(
      "edge_verifications",
      pending.id,
      () =>
        owner.rest("POST", "/edge_verifications?on_conflict=id", { id: pending.id, ...passed }, {
          prefer: "resolution=merge-duplicates",
        }),
    );
  });

  await t.step("a version's spec, number, flag, parent or author", async () => {
    const changes = [
      { spec: { kind: "inline", rows: ["forged"] } },
      { metadata: { forged: true } },
      { version_number: 9 },
      { is_active: false },
      { block_id: crypto.randomUUID() },
      { organization_id: stranger.organizationId },
      { created_by: stranger.id },
    ];
    for (const change of changes) {
      await changesNothing(
        "block_versions",
        version.id,
        () => owner.rest("PATCH", `/block_versions?id=eq.${version.id}`, change),
      );
    }
  });

  await t.step("a version that says what only the database says", async () => {
    const values = { block_id: block.id, spec: { kind: "inline", rows: [] } };
    const forged = [
      { version_number: 77 },
      { is_active: false },
      { organization_id: stranger.organizationId },
      { created_by: stranger.id },
    ];
    for (const fields of forged) {
      await addsNothing(
        "block_versions",
        { block_id: block.id },
        () => owner.rest("POST", "/block_versions", { ...values, ...fields }),
      );
    }
    await addsNothing(
      "block_versions",
      { block_id: block.id },
      () =>
        owner.rest("POST", "/block_versions", { ...values, spec: { kind: "code", source: "1" } }),
    );
    await addsNothing(
      "block_versions",
      { block_id: block.id },
      () => owner.rest("POST", "/block_versions", { ...values, spec: "text" }),
    );
  });

  await t.step("a row's tenant, type, revision, author or id", async () => {
    const changes = [
      { organization_id: stranger.organizationId },
      { block_type: "model" },
      { revision: 99 },
      { created_by: stranger.id },
      { created_at: "2020-01-01" },
      { id: crypto.randomUUID() },
      { current_version_id: null },
    ];
    for (const change of changes) {
      await changesNothing(
        "blocks",
        block.id,
        () => owner.rest("PATCH", `/blocks?id=eq.${block.id}`, change),
      );
    }
    // Also by one who belongs to both organizations.
    const both = await tenant.join("admin");
    await changesNothing(
      "blocks",
      block.id,
      () =>
        both.rest("PATCH", `/blocks?id=eq.${block.id}`, { organization_id: both.organizationId }),
    );
  });

  await t.step("another block's version as the current one", async () => {
    const other = await createBlock(owner);
    const foreign = await createBlock(stranger);
    for (const current_version_id of [other.current_version_id, foreign.current_version_id]) {
      await changesNothing(
        "blocks",
        block.id,
        () => owner.rest("PATCH", `/blocks?id=eq.${block.id}`, { current_version_id }),
      );
    }
  });

  await t.step("rows in another tenant, or under its rows", async () => {
    const organization_id = owner.organizationId;
    await addsNothing(
      "blocks",
      { organization_id },
      () => stranger.rest("POST", "/blocks", { organization_id, name: "x", block_type: "dataset" }),
    );
    await addsNothing(
      "edges",
      { organization_id },
      () => stranger.rest("POST", "/edges", { organization_id, name: "x" }),
    );
    await addsNothing(
      "block_versions",
      { block_id: block.id },
      () =>
        stranger.rest("POST", "/block_versions", { block_id: block.id, spec: { kind: "trigger" } }),
    );
    await addsNothing(
      "edge_verifications",
      { organization_id },
      () =>
        stranger.rest("POST", "/edge_verifications", { edge_version_id: edge.current_version_id }),
    );
  });

  await t.step("the activation of a version of another tenant", async () => {
    await changesNothing(
      "blocks",
      block.id,
      () =>
        stranger.rest("POST", "/rpc/activate_block_version", {
          block_id: block.id,
          version_number: 1,
        }),
    );
  });

  await t.step("a verified edge stays verified only for the version that passed", async () => {
    const verified = await createVerifiedEdge(owner);
    const before = await rowOf("edges", verified.id);
    const values = { edge_id: verified.id, spec: { kind: "code", source: "return 'evil';" } };
    expect(await owner.rest("POST", "/edge_versions", values), 201);
    assert.notEqual(
      (await rowOf("edges", verified.id)).current_version_id,
      before.current_version_id,
    );
  });
});
