import { createKey, hashKey, isWellFormed } from "@shared/key_format.ts";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** What the documentation gives to those who scan for leaked keys. */
const SCANNER = /el_[a-z]{2,10}_[0-9A-Za-z]{40}_[0-9A-Za-z]{6}/;

/**
 * Examples for scanners to test theirs with, worked out with Python's `zlib.crc32` and `hashlib`: the
 * CRC-32 of all before the last underscore, as six base62 digits (0-9, A-Z, a-z), and the key's SHA-256.
 */
const EXAMPLES = [
  [
    "el_live_0123456789ABCDEFGHIJabcdefghijKLMNOPQRST_4daeCY",
    "612f0c374425076d8f74d0425a800b68bd45c3699f2bd4536b89cc8ad3e4dc1f",
  ],
  [
    "el_test_0000000000000000000000000000000000000000_1vd0NE",
    "d7c4927d71033e4df5d92be4dcf2843d67f02e2e3bfc7d095c92914d642b91bd",
  ],
  [
    "el_live_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz_1yGza9",
    "4701bd9e0b9a7ed5f2dcf0d8b9fe1bb2d603563951e1c754b538f5fae3eec0cf",
  ],
] as const;

Deno.test("the worked examples are keys, by checksum and by hash", async () => {
  for (const [key, hash] of EXAMPLES) {
    assert.ok(isWellFormed(key), key);
    assert.equal(await hashKey(key), hash);
  }
});

Deno.test("every key has the documented form", async () => {
  const documented = await readFile(new URL("../../shared/key_format.ts", import.meta.url), "utf8");
  assert.ok(documented.includes(`\`${SCANNER.source}\``), "the module documents this expression");
  for (const environment of ["live", "test", "ab", "abcdefghij"]) {
    for (let count = 0; count < 50; count++) {
      const { key, record } = await createKey(environment);
      assert.match(key, new RegExp(`^${SCANNER.source}$`));
      assert.ok(isWellFormed(key));
      assert.ok(key.startsWith(`el_${environment}_`));
      assert.equal(record.prefix, key.slice(0, `el_${environment}_`.length + 8));
      assert.equal(record.last_four, key.split("_")[2]?.slice(-4));
      assert.equal(record.key_hash, await hashKey(key));
      assert.match(`leaked=${key};`, SCANNER);
    }
  }
});

Deno.test("no two keys are alike, and every character of the alphabet comes up", async () => {
  const made = await Promise.all(Array.from({ length: 2000 }, () => createKey("live")));
  for (const part of ["prefix", "key_hash"] as const) {
    assert.equal(new Set(made.map(({ record }) => record[part])).size, made.length);
  }
  const counts = new Map<string, number>();
  for (const { key } of made) {
    for (const character of key.split("_")[2] ?? "") {
      counts.set(character, (counts.get(character) ?? 0) + 1);
    }
  }
  assert.deepEqual([...counts.keys()].toSorted(), [...ALPHABET].toSorted());
  // 80,000 characters: each is expected 1,290 times, give or take 36; six times that is never seen.
  for (const [character, count] of counts) {
    assert.ok(Math.abs(count - 80_000 / 62) < 220, `${character} came up ${count} times`);
  }
});

Deno.test("the checksum finds each wrong character and each swap of neighbours", async () => {
  const { key } = await createKey("live");
  const start = "el_live_".length;
  for (let place = start; place < key.length; place++) {
    if (key[place] === "_") continue;
    for (const character of ALPHABET) {
      if (character === key[place]) continue;
      const wrong = `${key.slice(0, place)}${character}${key.slice(place + 1)}`;
      assert.ok(!isWellFormed(wrong), `${character} at ${place} of ${key}`);
    }
    const [one, two] = [key[place], key[place + 1]];
    if (two === undefined || two === "_" || one === two) continue;
    const swapped = `${key.slice(0, place)}${two}${one}${key.slice(place + 2)}`;
    assert.ok(!isWellFormed(swapped), `swapped at ${place} of ${key}`);
  }
});

Deno.test("nothing else is a key", () => {
  const [[key]] = EXAMPLES;
  const others = [
    "",
    "el_",
    key.slice(0, -1),
    `${key}0`,
    ` ${key}`,
    `${key}\n`,
    `${key}${key}`,
    key.toLowerCase(),
    key.replace("live", "test"),
    key.replace("live", "LIVE"),
    key.replace("el_", "sk_"),
    key.replaceAll("_", "-"),
    key.replace("A", "А"), // Cyrillic.
    "el_live_0000000000000000_000000",
  ];
  for (const other of others) assert.ok(!isWellFormed(other), JSON.stringify(other));
});
