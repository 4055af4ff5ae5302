import assert from "node:assert/strict";
import { createApproved, createAssistant } from "../harness/assistants.ts";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { createTenant } from "../harness/tenant.ts";

const ALL = "/llm-assistant/assistants";

Deno.test("create_rating, put_rating, list_ratings and delete_rating", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const [member, other] = [await tenant.user("member"), await tenant.join("member")];
  const { id } = await createApproved(tenant, owner);
  const path = `${ALL}/${id}/ratings`;
  const average = async () => {
    const { rating, rating_count } = expect(await owner.get(`${ALL}/${id}`), 200);
    return [rating, rating_count];
  };

  await t.step("keep the average, one rating a user", async () => {
    const made = expect(await member.post(path, { rating: 5, comment: "Good" }), 201);
    assert.deepEqual([made.user_id, made.rating, made.comment], [member.id, 5, "Good"]);
    assert.deepEqual(await average(), [5, 1]);
    expect(await other.send("PUT", path, { body: { rating: 2 } }), 200);
    assert.deepEqual(await average(), [3.5, 2]);
    const again = expect(await member.post(path, { rating: 5, comment: "Good" }), 200);
    assert.equal(again.id, made.id, "in place of the one before");
    const changed = expect(await member.send("PUT", path, { body: { rating: 3 } }), 200);
    assert.deepEqual([changed.id, changed.comment], [made.id, null]);
    assert.deepEqual(await average(), [2.5, 2]);
    assert.equal(expect(await owner.get(path), 200).data.length, 2);
    expect(await other.delete(path), 204);
    assert.deepEqual(await average(), [3, 1]);
    refused(await other.delete(path), 404, "not_found");
    expect(await member.delete(path), 204);
    assert.deepEqual(await average(), [0, 0]);
  });
  await t.step("leave the revision: who rates changes no assistant", async () => {
    const { revision } = expect(await owner.get(`${ALL}/${id}`), 200);
    expect(await member.post(path, { rating: 1 }), 201);
    assert.equal(expect(await owner.get(`${ALL}/${id}`), 200).revision, revision);
  });
  await t.step("refuse", async () => {
    for (const rating of [0, 6, 4.5, "5"]) {
      refused(await member.post(path, { rating }), 422, "validation_failed", ["rating"]);
    }
    refused(await owner.post(path, { rating: 5 }), 403, "forbidden");
    const draft = await createAssistant(owner);
    refused(
      await member.post(`${ALL}/${draft.id}/ratings`, { rating: 5 }),
      409,
      "assistant_not_approved",
    );
  });
  for (
    const [method, body] of [["POST", { rating: 1 }], ["PUT", { rating: 1 }], ["GET"], [
      "DELETE",
    ]] as const
  ) {
    await t.step(`${method} is refused to`, (t) => attack(t, { tenant, method, path, body }));
  }
});
