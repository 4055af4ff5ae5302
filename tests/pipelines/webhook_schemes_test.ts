import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { Webhook } from "standardwebhooks";
import {
  createSecret,
  type SignedScheme,
  verifyDelivery,
} from "../../supabase/functions/pipelines/signatures.ts";

/** The vector that the libraries of the Standard Webhooks specification test themselves with. */
const VECTOR = {
  secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
  timestamp: 1614265330,
  payload: '{"test": 2432232314}',
  signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
};
const NOW = new Date(VECTOR.timestamp * 1000);
const bytes = (text: string) => new TextEncoder().encode(text);
const keyOf = (secret: string) =>
  Uint8Array.from(atob(secret.slice("whsec_".length)), (char) => char.charCodeAt(0));

type Case = {
  scheme?: SignedScheme;
  secrets?: string[];
  headers: Record<string, string> | [string, string][];
  body?: Uint8Array<ArrayBuffer>;
  now?: Date;
};

const verify = ({ scheme = "standard", secrets, headers, body, now = NOW }: Case) =>
  verifyDelivery(
    scheme,
    secrets ?? [VECTOR.secret],
    new Headers(headers),
    body ?? bytes(VECTOR.payload),
    now,
  );

const isRefused = (given: Case, name?: string) =>
  assert.rejects(verify(given), { code: "invalid_signature" }, name);

const headers = (changes: Record<string, string> = {}) => ({
  "webhook-id": VECTOR.id,
  "webhook-timestamp": String(VECTOR.timestamp),
  "webhook-signature": VECTOR.signature,
  ...changes,
});
const signedBy = (signature: string) => headers({ "webhook-signature": signature });
const seconds = (time: number) => new Date((VECTOR.timestamp + time) * 1000);

Deno.test("Standard Webhooks: the specification's vectors", async (t) => {
  await t.step("the signature of the specification's libraries", async () => {
    assert.equal(await verify({ headers: headers() }), VECTOR.id);
  });
  await t.step("one that fits among several", async () => {
    const others = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
    const asymmetric =
      "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";
    const all = [others, asymmetric, VECTOR.signature, others].join(" ");
    assert.equal(await verify({ headers: signedBy(all) }), VECTOR.id);
    assert.equal(
      await verify({ headers: signedBy(`  ${VECTOR.signature}  ${others}`) }),
      VECTOR.id,
    );
    await isRefused({ headers: signedBy(`${others} ${asymmetric}`) });
  });
  await t.step("no other signature", async () => {
    const [, value = ""] = VECTOR.signature.split(",");
    const wrong = [
      "",
      "v1,",
      value,
      VECTOR.signature.slice(0, 8),
      `v2,${value}`,
      `v1a,${value}`,
      `v1=${value}`,
      `V1,${value}`,
      `v1,${value.replace("=", "")}A`,
      `v1,${value.toLowerCase()}`,
      "v1,%%%",
      "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=",
    ];
    for (const signature of wrong) await isRefused({ headers: signedBy(signature) }, signature);
  });
  await t.step("no header that is missing, or sent twice", async () => {
    for (const name of Object.keys(headers())) {
      const rest = Object.entries(headers()).filter(([other]) => other !== name);
      await isRefused({ headers: rest }, name);
    }
    await isRefused({ headers: [...Object.entries(headers()), ["webhook-id", "msg_2"]] });
    const timestamp = headers()["webhook-timestamp"];
    await isRefused({ headers: [...Object.entries(headers()), ["webhook-timestamp", timestamp]] });
  });
  await t.step("five minutes to either side, and no more", async () => {
    for (const offset of [300, -300]) {
      assert.equal(await verify({ headers: headers(), now: seconds(offset) }), VECTOR.id);
    }
    for (const offset of [301, -301]) await isRefused({ headers: headers(), now: seconds(offset) });
    for (const time of ["hello", "", "1e9", "-1", "0x60", " ", "1614265330.0", "9".repeat(30)]) {
      await isRefused({ headers: headers({ "webhook-timestamp": time }) }, time);
    }
  });
  await t.step("nothing but what was signed", async () => {
    await isRefused({ headers: headers({ "webhook-id": "msg_other" }) });
    await isRefused({ headers: headers({ "webhook-timestamp": String(VECTOR.timestamp + 1) }) });
    for (
      const body of [
        `${VECTOR.payload} `,
        `${VECTOR.payload}\n`,
        "",
        VECTOR.payload.replace(" ", ""),
      ]
    ) {
      await isRefused({ headers: headers(), body: bytes(body) }, body);
    }
    await isRefused({ headers: headers(), secrets: [createSecret("standard")] });
    await isRefused({ headers: headers(), secrets: [] });
    await isRefused({ headers: headers(), secrets: ["whsec_"] });
  });
});

Deno.test("Standard Webhooks: the npm package and we, both ways", async () => {
  const payloads = ["{}", "", '{"city": "Zürich ☂ 雨"}', `"${"x".repeat(100_000)}"`, "not json"];
  for (const payload of payloads) {
    const secret = createSecret("standard");
    const id = `msg_${crypto.randomUUID()}`;
    const signature = new Webhook(secret).sign(id, NOW, payload);
    const given = {
      "webhook-id": id,
      "webhook-timestamp": String(VECTOR.timestamp),
      "webhook-signature": signature,
    };
    assert.equal(await verify({ secrets: [secret], headers: given, body: bytes(payload) }), id);
  }
  // What we take, the package takes: the key is read alike.
  const secret = createSecret("standard");
  const time = Math.floor(Date.now() / 1000);
  const signature = createHmac("sha256", keyOf(secret)).update(`msg_1.${time}.{}`).digest("base64");
  const given = {
    "webhook-id": "msg_1",
    "webhook-timestamp": String(time),
    "webhook-signature": `v1,${signature}`,
  };
  assert.deepEqual(new Webhook(secret).verify("{}", given), {});
  assert.equal(
    await verify({ secrets: [secret], headers: given, body: bytes("{}"), now: new Date() }),
    "msg_1",
  );
});

const BINARY = Uint8Array.from([0xef, 0xbb, 0xbf, 0x00, 0xff, 0xfe, 0x0d, 0x0a, 0x80]);
const SECRET = "a secret of the sender: ü";
const hmac = (...parts: (string | Uint8Array)[]) => {
  const signature = createHmac("sha256", SECRET);
  for (const part of parts) signature.update(part);
  return signature.digest("hex");
};

Deno.test("every scheme signs the bytes, whatever they are", async () => {
  const t = VECTOR.timestamp;
  const key = keyOf(VECTOR.secret);
  for (const body of [BINARY, bytes("\ufeff{}"), bytes("雨\u0000"), new Uint8Array()]) {
    const standard = createHmac("sha256", key).update(`${VECTOR.id}.${t}.`).update(body);
    assert.equal(
      await verify({ headers: signedBy(`v1,${standard.digest("base64")}`), body }),
      VECTOR.id,
    );
    const others: [SignedScheme, Record<string, string>][] = [
      ["github", { "x-hub-signature-256": `sha256=${hmac(body)}`, "x-github-delivery": "d" }],
      ["stripe", { "stripe-signature": `t=${t},v1=${hmac(`${t}.`, body)}` }],
      ["hmac", { "x-signature": `sha256=${hmac(body)}` }],
    ];
    const other = Uint8Array.from([...body, 0]);
    for (const [scheme, headers] of others) {
      assert.ok(await verify({ scheme, secrets: [SECRET], headers, body }), scheme);
      await isRefused({ scheme, secrets: [SECRET], headers, body: other }, scheme);
      await isRefused({ scheme, secrets: ["another secret"], headers, body }, scheme);
      await isRefused({ scheme, secrets: [SECRET], headers: {}, body }, scheme);
    }
  }
});

Deno.test("Stripe", async (t) => {
  const event = bytes('{"id": "evt_1", "type": "charge.succeeded"}');
  const v1 = hmac(`${VECTOR.timestamp}.`, event);
  const time = `t=${VECTOR.timestamp}`;
  const given = (signature: string, body = event, now = NOW): Case => ({
    scheme: "stripe",
    secrets: [SECRET],
    headers: { "stripe-signature": signature },
    body,
    now,
  });
  await t.step("names a delivery by its event", async () => {
    assert.equal(await verify(given(`${time},v1=${v1}`)), "evt_1");
    const bare = bytes("[1]");
    const id = await verify(given(`${time},v1=${hmac(`${VECTOR.timestamp}.`, bare)}`, bare));
    assert.match(id, /^sha256:[0-9a-f]{64}$/);
  });
  await t.step("may have several signatures while its secret is rolled", async () => {
    assert.equal(await verify(given(`${time},v1=${"0".repeat(64)},v1=${v1},v0=abc`)), "evt_1");
  });
  await t.step("refuses", async () => {
    const wrong = [
      `v1=${v1}`,
      time,
      `${time},v0=${v1}`,
      `${time},v1=${v1.slice(2)}`,
      `${time},v1=`,
      `${time},v1=zz`,
      `t=${VECTOR.timestamp + 1},v1=${v1}`,
      `${time},t=${VECTOR.timestamp + 1},v1=${v1}`,
      `t=now,v1=${v1}`,
      "",
    ];
    for (const signature of wrong) await isRefused(given(signature), signature);
    for (const offset of [301, -301]) {
      await isRefused(given(`${time},v1=${v1}`, event, seconds(offset)));
    }
  });
});

Deno.test("GitHub and plain HMAC", async (t) => {
  const body = bytes('{"zen": "☂"}');
  const [good, id] = [`sha256=${hmac(body)}`, "d-1"];
  const github = (signature: string) => ({
    scheme: "github" as const,
    secrets: [SECRET],
    headers: { "x-hub-signature-256": signature, "x-github-delivery": id },
    body,
  });
  const plain = (signature: string, more = {}) => ({
    scheme: "hmac" as const,
    secrets: [SECRET],
    headers: { "x-signature": signature, ...more },
    body,
  });
  await t.step("GitHub's own example", async () => {
    // https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
    const signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    const secrets = ["It's a Secret to Everybody"];
    const example = { ...github(signature), secrets, body: bytes("Hello, World!") };
    assert.equal(await verify(example), id);
  });
  await t.step("a plain HMAC is named by its header, or by its body", async () => {
    const digest = await verify(plain(good));
    // The header is not signed: it names nothing without the body that came with it.
    assert.equal(await verify(plain(good, { "x-delivery-id": id })), `${digest}:${id}`);
    assert.match(digest, /^sha256:[0-9a-f]{64}$/);
    assert.equal(await verify(plain(hmac(body))), digest, "the prefix may be left out");
    const base64 = createHmac("sha256", SECRET).update(body).digest("base64");
    assert.equal(await verify(plain(base64)), digest);
    for (const name of ["x-signature-256", "x-webhook-signature"]) {
      assert.equal(await verify({ ...plain(good), headers: { [name]: good } }), digest);
      await isRefused({ ...plain(good), headers: { "x-signature": "sha256=00", [name]: good } });
    }
  });
  await t.step("refuse", async () => {
    const hex = hmac(body);
    const wrong = [
      "",
      "sha256=",
      `sha1=${hex}`,
      `sha256=${hex}00`,
      `sha256=${hex.slice(1)}`,
      `sha256= ${hex}`,
      `${good}, ${good}`,
    ];
    for (const signature of wrong) {
      await isRefused(github(signature), signature);
      await isRefused(plain(signature), signature);
    }
  });
});
