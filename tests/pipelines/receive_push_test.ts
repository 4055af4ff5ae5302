import assert from "node:assert/strict";
import { createRepo, openHook, sendHook, signed, UNKNOWN } from "../harness/catalog.ts";
import { call } from "../harness/client.ts";
import { expect, refused } from "../harness/expect.ts";
import { createBlock } from "../harness/pipelines.ts";
import { createTenant } from "../harness/tenant.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const seconds = (time: string) => Date.parse(time) / 1000;

const push = (fields: Record<string, unknown> = {}) =>
  JSON.stringify({ ref: "refs/heads/main", after: COMMIT, deleted: false, ...fields });

Deno.test("receive_push", async (t) => {
  const { owner } = await createTenant();
  const repo = await createRepo(owner, await createBlock(owner));
  const path = `/pipelines/repos/${repo.id}`;
  const body = push();
  refused(await sendHook(path, body, signed("x".repeat(64), body)), 401, "invalid_signature");
  const secret = await openHook(owner, path);
  const state = async () => {
    const { last_updated, last_commit } = expect(await owner.get(path), 200);
    return [last_updated, last_commit];
  };
  const send = async (text: string, headers: Record<string, string> = {}) =>
    expect(await sendHook(path, text, { ...signed(secret, text), ...headers }), 200).updated;

  await t.step("stores nothing that is not signed right", async () => {
    const wrong: Record<string, string>[] = [
      {},
      { "x-hub-signature-256": "sha256=abc" },
      { "x-hub-signature-256": `sha256=${"0".repeat(64)}` },
      signed("another secret", body),
      signed(secret, `${body} `),
      { "x-hub-signature": signed(secret, body)["x-hub-signature-256"] ?? "" },
    ];
    for (const headers of wrong) {
      refused(await sendHook(path, body, headers), 401, "invalid_signature");
    }
    assert.deepEqual(await state(), [null, null]);
  });
  await t.step("passes over what is no push to the branch", async () => {
    for (
      const fields of [
        { ref: "refs/heads/other" },
        { ref: "refs/heads/main2" },
        { ref: "refs/tags/main" },
        { ref: "main" },
        { deleted: true, after: "0".repeat(40) },
        { after: "not a commit" },
        { ref: undefined },
        { ref: 7 },
      ]
    ) {
      assert.equal(await send(push(fields)), false, JSON.stringify(fields));
    }
    assert.equal(await send(JSON.stringify({ zen: "Design for failure.", hook_id: 1 })), false);
    assert.equal(await send("[]"), false);
    assert.deepEqual(await state(), [null, null]);
  });
  await t.step("takes a push to the branch", async () => {
    const time = "2026-11-01T10:00:00Z";
    const headers = { "x-github-event": "push", "x-github-delivery": crypto.randomUUID() };
    assert.equal(await send(push({ repository: { pushed_at: seconds(time) } }), headers), true);
    const [updated, commit] = await state();
    assert.equal(Date.parse(updated), Date.parse(time));
    assert.equal(commit, COMMIT);
  });
  await t.step("takes it as the form that GitHub sends by default", async () => {
    const after = "1".repeat(40);
    const payload = push({ after, repository: { pushed_at: "2026-11-02T10:00:00Z" } });
    const form = new URLSearchParams({ payload }).toString();
    const type = { "content-type": "application/x-www-form-urlencoded" };
    assert.equal(await send(form, type), true);
    assert.equal((await state())[1], after);
  });
  await t.step("an older push that comes late changes nothing", async () => {
    const before = await state();
    const late = { repository: { pushed_at: seconds("2026-11-01T12:00:00Z") } };
    assert.equal(await send(push({ ...late, after: "2".repeat(40) })), false);
    assert.deepEqual(await state(), before);
  });
  await t.step("a push of the future counts as one of now", async () => {
    const future = { repository: { pushed_at: seconds("2999-01-01T00:00:00Z") } };
    assert.equal(await send(push({ ...future, after: "3".repeat(40) })), true);
    assert.ok(Date.parse((await state())[0]) <= Date.now());
    assert.equal(await send(push({ after: "4".repeat(40) })), true);
    assert.equal((await state())[1], "4".repeat(40));
  });
  await t.step("another branch has not been heard of yet", async () => {
    expect(await owner.patch(path, { branch: "release/1" }), 200);
    assert.deepEqual(await state(), [null, null]);
    assert.equal(await send(push()), false);
    assert.equal(await send(push({ ref: "refs/heads/release/1" })), true);
  });
  await t.step("refuses", async () => {
    refused(
      await sendHook(`/pipelines/repos/${UNKNOWN}`, body, signed(secret, body)),
      404,
      "not_found",
    );
    refused(await sendHook("/pipelines/repos/x", body), 404, "not_found");
    for (const text of ["", "{", "push"]) {
      refused(await sendHook(path, text, signed(secret, text)), 400, "invalid_json");
    }
    const large = JSON.stringify("x".repeat(2 ** 20));
    refused(await sendHook(path, large, signed(secret, large)), 413, "body_too_large");
    const credential = { token: "garbage", rawBody: body, headers: signed(secret, body) };
    refused(await call("POST", `${path}/hook`, credential), 401, "invalid_token");
  });
});
