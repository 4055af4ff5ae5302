import assert from "node:assert/strict";
import type { Json } from "@shared/json.ts";
import {
  type BlockContext,
  executeBlock,
} from "../../../supabase/functions/pipelines/execution/blocks.ts";
import { stepError } from "./failure.ts";

const CONTEXT: BlockContext = {
  runInput: { delivered: true },
  organizationId: "00000000-0000-4000-8000-000000000001",
  userId: "00000000-0000-4000-8000-000000000003",
  runId: "00000000-0000-4000-8000-000000000004",
  stepId: "00000000-0000-4000-8000-000000000002",
  seed: "seed",
  cursor: null,
  idempotencyKey: "run:step",
  api: {
    restUrl: "http://127.0.0.1:9/rest/v1",
    storageUrl: "http://127.0.0.1:9/storage/v1",
    apikey: "none",
    accessToken: "none",
  },
};
const SWITCH = "EDGELOOM_ALLOW_PRIVATE_NETWORK";

const read = (spec: Json) =>
  executeBlock(
    { blockType: "dataset", spec, input: null, hasInput: false, writing: false },
    CONTEXT,
  );
const write = (spec: Json, input: Json) =>
  executeBlock({ blockType: "dataset", spec, input, hasInput: true, writing: true }, CONTEXT);
const model = (spec: Json, input: Json) =>
  executeBlock({ blockType: "model", spec, input, hasInput: true, writing: false }, CONTEXT);

async function withService(
  handler: (request: Request) => Response | Promise<Response>,
  work: (origin: string) => Promise<void>,
) {
  const before = Deno.env.get(SWITCH);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  Deno.env.set(SWITCH, "1");
  try {
    await work(`http://127.0.0.1:${server.addr.port}`);
  } finally {
    if (before === undefined) Deno.env.delete(SWITCH);
    else Deno.env.set(SWITCH, before);
    await server.shutdown();
  }
}

Deno.test("inline and trigger datasets are read", async () => {
  assert.deepEqual(await read({ kind: "inline", rows: [{ a: 1 }] }), [{ a: 1 }]);
  assert.deepEqual(await read({ kind: "trigger" }), { delivered: true });
});

Deno.test("jsonata and code models compute; without an edge their input is null", async () => {
  assert.equal(await model({ kind: "jsonata", expression: "$sum(input)" }, [1, 2]), 3);
  assert.equal(await model({ kind: "code", source: "return input.length" }, [1, 2]), 2);
  const alone = { kind: "code", source: "return input" };
  const block = { spec: alone, input: 5, hasInput: false, writing: false };
  assert.equal(await executeBlock({ ...block, blockType: "model" }, CONTEXT), null);
  const dice = { kind: "code", source: "return Math.random()" };
  assert.equal(await model(dice, null), await model(dice, null));
});

Deno.test("datasets without a place to write to refuse to be written", async () => {
  const specs: Json[] = [
    { kind: "inline", rows: [] },
    { kind: "trigger" },
    { kind: "http", url: "https://example.com/", format: "csv" },
  ];
  for (const spec of specs) {
    assert.equal((await stepError(write(spec, []))).code, "block_not_writable");
  }
});

Deno.test("only rows can be written", async () => {
  const storage = { kind: "storage", bucket: "data", path: "a.csv", format: "csv" };
  assert.equal((await stepError(write(storage, { a: 1 }))).code, "input_not_rows");
  assert.equal((await stepError(write(storage, [1]))).code, "row_invalid");
  assert.equal((await stepError(write({ kind: "table", table: "t" }, [[]]))).code, "row_invalid");
});

Deno.test("an api that does not answer is worth a retry", async () => {
  const storage = { kind: "storage", bucket: "data", path: "a.csv", format: "csv" };
  const error = await stepError(read(storage));
  assert.deepEqual([error.code, error.retryable], ["storage_failed", true]);
  assert.match(error.message, /^data\/a\.csv/);
});

Deno.test("rows without the text that is to be embedded are refused", async () => {
  for (const input of [null, 7, {}, [{ f: "x" }, { f: " " }], [{ f: "x" }, { f: 1 }]]) {
    const error = await stepError(model({ kind: "embedding", model: "m", field: "f" }, input));
    assert.deepEqual([error.code, error.retryable], ["row_invalid", false]);
  }
});

Deno.test("a spec of another type or shape is refused", async () => {
  assert.equal((await stepError(read({ kind: "code", source: "1" }))).code, "spec_invalid");
  assert.equal((await stepError(model({ kind: "inline", rows: [] }, 1))).code, "spec_invalid");
  assert.equal((await stepError(read(null))).code, "spec_invalid");
});

Deno.test("an http dataset is fetched with its headers and parsed", async () => {
  await withService((request) => {
    assert.equal(request.headers.get("x-version"), "2");
    return new Response("a,b\n1,x\n");
  }, async (origin) => {
    const spec = { kind: "http", url: `${origin}/d.csv`, format: "csv" };
    assert.deepEqual(await read({ ...spec, headers: { "X-Version": "2" } }), [{ a: 1, b: "x" }]);
  });
});

Deno.test("an http dataset at a private address is refused for good", async () => {
  const before = Deno.env.get(SWITCH);
  Deno.env.delete(SWITCH);
  const error = await stepError(
    read({ kind: "http", url: "http://169.254.169.254/latest", format: "json" }),
  );
  if (before !== undefined) Deno.env.set(SWITCH, before);
  assert.deepEqual([error.code, error.retryable], ["network_address_refused", false]);
});

Deno.test("broken text and refusals of an http dataset are told apart", async () => {
  const handler = (request: Request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/broken") return new Response("a,b\n1\n");
    if (pathname === "/latin1") return new Response(new Uint8Array([0x61, 0x0a, 0xe9]));
    const headers = { "retry-after": "7" };
    return new Response("no", { status: Number(pathname.slice(1)), headers });
  };
  await withService(handler, async (origin) => {
    const at = (path: string) =>
      stepError(read({ kind: "http", url: `${origin}/${path}`, format: "csv" }));
    assert.match((await at("broken")).message, /line 2/);
    assert.equal((await at("latin1")).code, "text_invalid");
    for (const [status, retryable] of [[404, false], [400, false], [429, true], [503, true]]) {
      const error = await at(String(status));
      assert.equal(error.code, "http_status");
      assert.equal(error.retryable, retryable, String(status));
      assert.equal(error.retryAfterSeconds, 7);
      assert.match(error.message, new RegExp(`answered ${status}`));
    }
  });
});

Deno.test("an http model gets the input with a stable key and answers JSON or text", async () => {
  const handler = async (request: Request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/text") return new Response("plain");
    if (pathname === "/empty") return new Response(null, { status: 204 });
    const headers = { "content-type": "application/json" };
    if (pathname === "/lie") return new Response("<html>", { headers });
    const key = request.headers.get("idempotency-key");
    return Response.json({ key, method: request.method, body: await request.text() });
  };
  await withService(handler, async (origin) => {
    const at = (path: string, more = {}) =>
      model({ kind: "http", url: `${origin}/${path}`, ...more }, { a: 1 });
    assert.deepEqual(await at("json"), { key: "run:step", method: "POST", body: '{"a":1}' });
    assert.deepEqual(await at("json", { method: "GET" }), {
      key: "run:step",
      method: "GET",
      body: "",
    });
    assert.equal(await at("text"), "plain");
    assert.equal(await at("empty"), null);
    assert.equal((await stepError(at("lie"))).code, "json_invalid");
  });
});
