import assert from "node:assert/strict";
import { decrypt, encrypt, newestKeyVersion, rewrap, type Sealed } from "@shared/envelope.ts";
import { describeError } from "@shared/log.ts";
import { keyRing, OwnFunctions } from "../harness/own_functions.ts";

const OWNER = { organizationId: crypto.randomUUID(), rowId: crypto.randomUUID() };
const RING = { EDGELOOM_ENCRYPTION_KEYS: keyRing(1) };

/** Runs a test with key rings that it changes. */
const withRing = (test: (use: (json: string) => void, run: <T>(work: () => T) => T) => unknown) =>
  OwnFunctions.with(RING, async (functions) => {
    await test(
      (json) => functions.set({ EDGELOOM_ENCRYPTION_KEYS: json }),
      (work) => functions.run(work),
    );
  });

const bytesOf = (text: string) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
const textOf = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));

Deno.test("what was encrypted is decrypted, whatever it is", () =>
  withRing(async (_use, run) => {
    const texts = [
      "sk-0123456789",
      "",
      " \n\t",
      "ключ 🔑 clé \u0000",
      "x".repeat(4000),
      "é".repeat(4000),
    ];
    for (const text of texts) {
      const sealed = await run(() => encrypt(text, OWNER));
      assert.equal(sealed.key_version, 1);
      assert.ok(text === "" || !sealed.ciphertext.includes(text));
      assert.equal(await run(() => decrypt(sealed, OWNER)), text);
    }
  }));

Deno.test("the same text is never the same ciphertext", () =>
  withRing(async (_use, run) => {
    const sealed = await Promise.all(
      Array.from({ length: 50 }, () => run(() => encrypt("the same", OWNER))),
    );
    const halves = sealed.flatMap(({ ciphertext }) => ciphertext.split("."));
    assert.equal(new Set(halves).size, 100, "each data key and each sealing is its own");
    const vectors = halves.map((half) => textOf(bytesOf(half).slice(0, 12)));
    assert.equal(new Set(vectors).size, 100, "no initialization vector comes twice");
  }));

Deno.test("a ciphertext with any byte changed, cut or added does not decrypt", () =>
  withRing(async (_use, run) => {
    const sealed = await run(() => encrypt("sk-0123456789", OWNER));
    const halves = sealed.ciphertext.split(".").map(bytesOf);
    const refuses = async (what: string, changed: Uint8Array[]) => {
      const ciphertext = changed.map(textOf).join(".");
      await assert.rejects(
        run(() => decrypt({ ...sealed, ciphertext }, OWNER)),
        DOMException,
        what,
      );
      await assert.rejects(
        run(() => rewrapped(run, { ...sealed, ciphertext })),
        DOMException,
        what,
      );
    };
    for (const [half, bytes] of halves.entries()) {
      for (const index of bytes.keys()) {
        const changed = bytes.map((byte, at) => at === index ? byte ^ 1 : byte);
        await refuses(`byte ${index} of half ${half}`, halves.with(half, changed));
      }
      await refuses(`half ${half} cut`, halves.with(half, bytes.slice(0, -1)));
      await refuses(`half ${half} gone`, halves.with(half, new Uint8Array()));
      await refuses(`half ${half} longer`, halves.with(half, new Uint8Array([...bytes, 0])));
    }
    await refuses("the halves in the other order", halves.toReversed());
    for (const ciphertext of ["", ".", "…", "a.b", `${sealed.ciphertext.split(".")[0]}`]) {
      await assert.rejects(run(() => decrypt({ ...sealed, ciphertext }, OWNER)), DOMException);
    }
  }));

/** Wrapping anew sees only the data key; what it passes on must still be refused when it is read. */
async function rewrapped(run: <T>(work: () => T) => T, sealed: Sealed) {
  const again = await run(() => rewrap(sealed, OWNER));
  return await run(() => decrypt(again, OWNER));
}

Deno.test("another owner's ciphertext does not decrypt, nor can it be wrapped anew", () =>
  withRing(async (_use, run) => {
    const sealed = await run(() => encrypt("sk-0123456789", OWNER));
    const others = [
      { ...OWNER, rowId: crypto.randomUUID() },
      { ...OWNER, organizationId: crypto.randomUUID() },
      { organizationId: OWNER.rowId, rowId: OWNER.organizationId },
      { organizationId: `${OWNER.organizationId}/${OWNER.rowId}`, rowId: "" },
    ];
    for (const owner of others) {
      await assert.rejects(run(() => decrypt(sealed, owner)), DOMException);
      await assert.rejects(run(() => rewrap(sealed, owner)), DOMException);
    }
    // The halves of two ciphertexts of one owner are no pair.
    const other = await run(() => encrypt("sk-9876543210", OWNER));
    const mixed = `${sealed.ciphertext.split(".")[0]}.${other.ciphertext.split(".")[1]}`;
    await assert.rejects(run(() => decrypt({ ...sealed, ciphertext: mixed }, OWNER)), DOMException);
  }));

Deno.test("the newest version encrypts, all of them decrypt, and wrapping anew changes the wrap alone", () =>
  withRing(async (use, run) => {
    const old = await run(() => encrypt("sk-0123456789", OWNER));
    use(keyRing(2, 1, 10));
    assert.equal(run(newestKeyVersion), 10, "by number, not by spelling or order");
    assert.equal((await run(() => encrypt("x", OWNER))).key_version, 10);
    assert.equal(await run(() => decrypt(old, OWNER)), "sk-0123456789");
    const fresh = await run(() => rewrap(old, OWNER));
    const [oldWrap, oldSealed] = old.ciphertext.split(".");
    const [wrap, sealed] = fresh.ciphertext.split(".");
    assert.equal(fresh.key_version, 10);
    assert.equal(sealed, oldSealed);
    assert.notEqual(wrap, oldWrap);

    use(keyRing(10));
    assert.equal(await run(() => decrypt(fresh, OWNER)), "sk-0123456789");
    await assert.rejects(run(() => decrypt(old, OWNER)), {
      code: "encryption_not_configured",
      message: "EDGELOOM_ENCRYPTION_KEYS lacks version 1",
    });
    // Another key under the same number is not the same key.
    use(JSON.stringify({ "10": Object.values(JSON.parse(keyRing(1)))[0] }));
    await assert.rejects(run(() => decrypt(fresh, OWNER)), DOMException);
  }));

/** Begins with a letter: what JSON.parse stumbles over, it quotes. */
const KEY = textOf(new Uint8Array(32).fill(40));

Deno.test("keys that are missing or malformed are named as such, and never told", async (t) => {
  const malformed: Record<string, string> = {
    "nothing": "",
    "no JSON": "{",
    "the key without an object": KEY,
    "a key without quotes": `{"1":${KEY}}`,
    "a version without quotes": `{1:"${KEY}"}`,
    "an object cut off": `{"1":"${KEY}"`,
    "a comma too much": `{"1":"${KEY}",}`,
    "an array": `["${KEY}"]`,
    "a string": `"${KEY}"`,
    "null": "null",
    "no version": "{}",
    "version 0": `{"0":"${KEY}"}`,
    "version 01": `{"01":"${KEY}"}`,
    "version -1": `{"-1":"${KEY}"}`,
    "version 1.5": `{"1.5":"${KEY}"}`,
    "a version of words": `{"first":"${KEY}"}`,
    "31 bytes": JSON.stringify({ 1: textOf(new Uint8Array(31)) }),
    "33 bytes": JSON.stringify({ 1: textOf(new Uint8Array(33)) }),
    "no bytes": `{"1":""}`,
    "one good key and one short": JSON.stringify({ 1: KEY, 2: textOf(new Uint8Array(16)) }),
    "no base64": JSON.stringify({ 1: `${KEY.slice(0, -2)}*=` }),
    "a number": `{"1":1}`,
  };
  await withRing(async (use, run) => {
    const sealed = await run(() => encrypt("sk-0123456789", OWNER));
    for (const [name, json] of Object.entries(malformed)) {
      await t.step(name, async () => {
        use(json);
        for (const work of [() => encrypt("x", OWNER), () => decrypt(sealed, OWNER)]) {
          const error = await run<Promise<unknown>>(work).then(
            () => assert.fail("it worked"),
            (error) => error,
          );
          assert.equal(error.code, "encryption_not_configured");
          assert.match(error.message, /^EDGELOOM_ENCRYPTION_KEYS (is|must) /);
          const logged = JSON.stringify(describeError(error));
          assert.ok(!logged.includes(KEY.slice(0, 6)), `the log has a part of the key: ${logged}`);
        }
      });
    }
  });
});
