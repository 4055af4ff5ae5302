import assert from "node:assert/strict";
import { clientOf, signUp, withStack } from "./support.ts";

Deno.test("an object goes up, is listed, comes down, is replaced, moved and removed", () =>
  withStack(async (stack) => {
    const { client, id } = await signUp(stack);
    const files = client.storage.from("files");
    const path = `${id}/a folder/weather.csv`;
    const up = await files.upload(path, new Blob(["a,b\n1,2\n"], { type: "text/csv" }));
    assert.equal(up.error, null);
    const down = await files.download(path);
    assert.equal(await down.data?.text(), "a,b\n1,2\n");
    assert.equal(down.data?.type, "text/csv");

    const again = await files.upload(path, "x");
    assert.notEqual(again.error, null, "without upsert an object stays");
    assert.equal((await files.upload(path, "replaced", { upsert: true })).error, null);
    assert.equal(await (await files.download(path)).data?.text(), "replaced");

    const moved = `${id}/moved.csv`;
    assert.equal((await files.move(path, moved)).error, null);
    assert.equal(await (await files.download(moved)).data?.text(), "replaced");
    assert.notEqual((await files.download(path)).error, null);

    assert.equal((await files.copy(moved, `${id}/copy.csv`)).error, null);
    const removed = await files.remove([moved]);
    assert.deepEqual(removed.data?.map(({ name }) => name), [moved]);
    assert.notEqual((await files.download(moved)).error, null);
    assert.equal(await (await files.download(`${id}/copy.csv`)).data?.text(), "replaced");
  }));

Deno.test("signed URLs let in who has them, for download and for upload", () =>
  withStack(async (stack) => {
    const { client, id } = await signUp(stack);
    const files = client.storage.from("files");
    await files.upload(`${id}/signed.txt`, "for the holder");
    const signed = await files.createSignedUrl(`${id}/signed.txt`, 60);
    assert.equal(signed.error, null);
    const answer = await fetch(signed.data?.signedUrl ?? "");
    assert.equal(await answer.text(), "for the holder");

    const upload = await files.createSignedUploadUrl(`${id}/sent.txt`);
    assert.equal(upload.error, null);
    const sent = await clientOf(stack).storage.from("files")
      .uploadToSignedUrl(upload.data?.path ?? "", upload.data?.token ?? "", "sent");
    assert.equal(sent.error, null);
    assert.equal(await (await files.download(`${id}/sent.txt`)).data?.text(), "sent");
  }));

Deno.test("listing a folder names what is in it, as the hosted API does", () =>
  withStack(async (stack) => {
    const { client, id } = await signUp(stack);
    const files = client.storage.from("files");
    await files.upload(`${id}/one.txt`, "1");
    await files.upload(`${id}/deep/two.txt`, "2");
    const { data, error } = await files.list(id);
    assert.equal(error, null);
    assert.deepEqual(data?.map(({ name }) => name).sort(), ["deep", "one.txt"]);
  }));

Deno.test("the policies on storage.objects hold, and no path leads out of the folder", () =>
  withStack(async (stack) => {
    const [ada, eve] = [await signUp(stack), await signUp(stack)];
    const path = `${ada.id}/private.txt`;
    assert.equal((await ada.client.storage.from("files").upload(path, "secret")).error, null);
    const foreign = eve.client.storage.from("files");
    assert.notEqual((await foreign.download(path)).error, null);
    assert.notEqual((await foreign.upload(`${ada.id}/planted.txt`, "x")).error, null);
    assert.notEqual((await foreign.upload(path, "x", { upsert: true })).error, null);
    assert.deepEqual((await foreign.remove([path])).data, []);
    assert.notEqual((await clientOf(stack).storage.from("files").download(path)).error, null);
    const service = clientOf(stack, stack.secretKey).storage.from("files");
    assert.equal(await (await service.download(path)).data?.text(), "secret");
    assert.notEqual((await service.upload("../../escaped.txt", "x")).error, null);
  }));
