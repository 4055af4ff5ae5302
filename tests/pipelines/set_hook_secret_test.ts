import assert from "node:assert/strict";
import { attack } from "../harness/battery.ts";
import {
  createImage,
  createRepo,
  openHook,
  sendHook,
  signed,
  UNKNOWN,
} from "../harness/catalog.ts";
import { expect, refused } from "../harness/expect.ts";
import { createBlock } from "../harness/pipelines.ts";
import { sql } from "../harness/sql.ts";
import { stack } from "../harness/stack.ts";
import { createTenant } from "../harness/tenant.ts";

const BODY = JSON.stringify({ zen: "Anything added dilutes everything else." });

Deno.test("set_code_repo_secret and set_docker_image_secret", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const block = await createBlock(owner);
  const repo = `/pipelines/repos/${(await createRepo(owner, block)).id}`;
  const image = `/pipelines/images/${(await createImage(owner, block)).id}`;

  await t.step("answer with the address and, this once, the secret", async () => {
    const admin = await tenant.user("admin");
    for (const path of [repo, image]) {
      const { url, secret } = expect(await admin.post(`${path}/secret`, {}), 201);
      assert.equal(url, `${stack.url}/functions/v1${path}/hook`);
      assert.match(secret, /^[0-9a-f]{64}$/);
      assert.ok(!JSON.stringify((await admin.get(path)).body).includes(secret));
    }
  });
  await t.step("take the sender's own", async () => {
    const secret = "chosen by the sender";
    assert.equal(expect(await owner.post(`${repo}/secret`, { secret }), 201).secret, secret);
    expect(await sendHook(repo, BODY, signed(secret, BODY)), 200);
  });
  await t.step("void the one before, and no other's", async () => {
    const [before, others] = [await openHook(owner, repo), await openHook(owner, image)];
    const after = await openHook(owner, repo);
    refused(await sendHook(repo, BODY, signed(before, BODY)), 401, "invalid_signature");
    refused(await sendHook(repo, BODY, signed(others, BODY)), 401, "invalid_signature");
    expect(await sendHook(repo, BODY, signed(after, BODY)), 200);
    const [row] = await sql`select count(*)::int as secrets from public.hook_secrets
      where organization_id = ${tenant.organizationId}`;
    assert.equal(row?.secrets, 2);
  });
  await t.step("store it encrypted and log it nowhere", async () => {
    const secret = await openHook(owner, repo);
    const [row] = await sql`select ciphertext from public.hook_secrets
      where code_repo_id = ${repo.split("/").at(-1) ?? ""}`;
    assert.ok(row?.ciphertext && !row.ciphertext.includes(secret));
    const logs = await sql`select details::text from public.audit_logs
      where organization_id = ${tenant.organizationId} and entity_type = 'hook_secret'`;
    assert.ok(logs.length > 0);
    for (const { details } of logs) {
      assert.ok(!details.includes(secret) && !details.includes("ciphertext"), details);
    }
  });
  await t.step("a ciphertext moved to another row checks nothing", async () => {
    const secret = await openHook(owner, repo);
    const other = `/pipelines/repos/${(await createRepo(owner, block)).id}`;
    await openHook(owner, other);
    await sql`update public.hook_secrets h set ciphertext = s.ciphertext
      from public.hook_secrets s where s.code_repo_id = ${repo.split("/").at(-1) ?? ""}
        and h.code_repo_id = ${other.split("/").at(-1) ?? ""}`;
    refused(await sendHook(other, BODY, signed(secret, BODY)), 401, "invalid_signature");
  });
  await t.step("refuse", async () => {
    const short = await owner.post(`${repo}/secret`, { secret: "short" });
    refused(short, 422, "validation_failed", ["secret"]);
    for (const kind of ["repos", "images"]) {
      const answer = await owner.post(`/pipelines/${kind}/${UNKNOWN}/secret`, {});
      refused(answer, 404, "not_found");
    }
  });
  for (const path of [repo, image]) {
    await t.step("are refused to", (t) =>
      attack(t, {
        tenant,
        method: "POST",
        path: `${path}/secret`,
        body: {},
        minimumRole: "admin",
      }));
  }
});
