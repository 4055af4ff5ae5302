import assert from "node:assert/strict";
import { NetworkError, publicFetch } from "@shared/network.ts";
import { isPublicAddress } from "@shared/network_address.ts";
import { exchange } from "@shared/network_exchange.ts";

const LIMITS = { maxBytes: 1000, timeoutMs: 5000 };
const SWITCH = "EDGELOOM_ALLOW_PRIVATE_NETWORK";

type Handler = (request: Request) => Response | Promise<Response>;

/** Runs `work` against a real server on loopback, with private addresses allowed. */
async function withServer(handler: Handler, work: (origin: string) => Promise<void>) {
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

async function refusal(url: string, limits = LIMITS): Promise<NetworkError> {
  try {
    const { status } = await publicFetch(url, limits);
    assert.fail(`${url} answered ${status}`);
  } catch (error) {
    if (error instanceof NetworkError) return error;
    throw error;
  }
}

const text = (body: Uint8Array) => new TextDecoder().decode(body);

Deno.test("addresses that are not public unicast are told apart", () => {
  const refused = [
    ["0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1"],
    ["192.168.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"],
    ["::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "2002:7f00:1::"],
    ["::127.0.0.1", "::7f00:1", "::8.8.8.8", "::1:0:0", "4000::1"],
    ["2001::1", "fe80::1", "fc00::1", "ff02::1", "not an address", ""],
  ].flat();
  for (const address of refused) assert.ok(!isPublicAddress(address), address);
  for (const address of ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111"]) {
    assert.ok(isPublicAddress(address), address);
  }
});

Deno.test("private hosts are refused in every spelling, and nothing reaches them", async () => {
  const before = Deno.env.get(SWITCH);
  Deno.env.delete(SWITCH);
  let reached = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    reached++;
    return new Response("secret");
  });
  const { port } = server.addr;
  const hosts = ["127.0.0.1", "localhost", "localhost.", "2130706433", "0x7f.1", "0177.0.0.1"];
  const more = ["[::ffff:127.0.0.1]", "[::127.0.0.1]", "[::1]", "0.0.0.0", "127.1", "①②⑦.0.0.1"];
  for (const host of [...hosts, ...more]) {
    const { code } = await refusal(`http://${host}:${port}/`);
    assert.ok(code === "address_refused" || code === "unreachable", `${host}: ${code}`);
  }
  for (const host of ["127.0.0.1", "[::127.0.0.1]"]) {
    assert.equal((await refusal(`http://${host}:${port}/`)).code, "address_refused", host);
  }
  assert.equal(reached, 0);
  if (before !== undefined) Deno.env.set(SWITCH, before);
  await server.shutdown();
});

Deno.test("other schemes, credentials and nonsense are bad URLs", async () => {
  const urls = ["file:///etc/passwd", "ftp://example.com/", "data:,x", "http://u:p@example.com/"];
  for (const url of [...urls, "not a url", "http://"]) {
    assert.equal((await refusal(url)).code, "bad_url", url);
  }
});

Deno.test("method, headers and body arrive, status and headers come back", async () => {
  await withServer(async (request) => {
    const seen = { method: request.method, key: request.headers.get("idempotency-key") };
    const body = JSON.stringify({ ...seen, body: await request.text() });
    return new Response(body, { status: 418, headers: { "Retry-After": "7" } });
  }, async (origin) => {
    const answer = await publicFetch(`${origin}/x`, {
      ...LIMITS,
      method: "post",
      headers: { "Idempotency-Key": "run:step", "Content-Length": "1", Host: "other" },
      body: "żółć",
    });
    assert.equal(answer.status, 418);
    assert.equal(answer.headers["retry-after"], "7");
    assert.deepEqual(JSON.parse(text(answer.body)), {
      method: "POST",
      key: "run:step",
      body: "żółć",
    });
  });
});

Deno.test("an answer over the limit is an error, with and without a length", async () => {
  const handler = (request: Request) =>
    request.url.endsWith("stream")
      ? new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(400)),
        }),
      )
      : new Response("x".repeat(Number(new URL(request.url).searchParams.get("n"))));
  await withServer(handler, async (origin) => {
    assert.equal((await publicFetch(`${origin}/?n=1000`, LIMITS)).body.length, 1000);
    assert.equal((await refusal(`${origin}/?n=1001`)).code, "too_large");
    assert.equal((await refusal(`${origin}/stream`)).code, "too_large");
  });
});

Deno.test("a silent server times out, before and within the body", async () => {
  const open = new AbortController();
  const handler = (request: Request) => {
    const ended = new Promise<void>((done) => open.signal.addEventListener("abort", () => done()));
    if (request.url.endsWith("head")) return ended.then(() => new Response("late"));
    return new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new Uint8Array(1));
          ended.then(() => controller.close());
        },
      }),
    );
  };
  await withServer(handler, async (origin) => {
    for (const path of ["head", "body"]) {
      const error = await refusal(`${origin}/${path}`, { ...LIMITS, timeoutMs: 200 });
      assert.equal(error.code, "timeout");
      assert.match(error.message, /127\.0\.0\.1/);
    }
    open.abort();
  });
});

Deno.test("redirects are followed, counted and checked anew", async () => {
  const handler = async (request: Request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/loop") return Response.redirect(request.url, 302);
    const to = searchParams.get("to");
    if (to !== null) return new Response(null, { status: 307, headers: { location: to } });
    if (pathname === "/see") return new Response(null, { status: 303, headers: { location: "/" } });
    return new Response(`${request.method} ${await request.text()}`);
  };
  await withServer(handler, async (origin) => {
    const post = { ...LIMITS, method: "POST", body: "data" };
    assert.equal(text((await publicFetch(`${origin}/?to=/end`, post)).body), "POST data");
    assert.equal(text((await publicFetch(`${origin}/see`, post)).body), "GET ");
    assert.equal((await refusal(`${origin}/loop`)).code, "too_many_redirects");
    assert.equal((await refusal(`${origin}/?to=file:///etc/passwd`)).code, "bad_url");
  });
});

Deno.test("a redirect to another origin carries none of the caller's headers", async () => {
  const echo: Handler = (request) => Response.json(Object.fromEntries(request.headers));
  await withServer(echo, async (elsewhere) => {
    const away: Handler = (request) =>
      request.url.endsWith("away") ? Response.redirect(elsewhere, 302) : echo(request);
    await withServer(away, async (origin) => {
      const headers = { Authorization: "Bearer secret", "X-Api-Key": "secret", Accept: "text/csv" };
      const same = await publicFetch(`${origin}/stay`, { ...LIMITS, headers });
      assert.match(text(same.body), /secret/);
      const other = await publicFetch(`${origin}/away`, { ...LIMITS, headers });
      assert.equal(other.url, `${elsewhere}/`);
      assert.doesNotMatch(text(other.body), /secret/);
      assert.match(text(other.body), /text\/csv/);
    });
  });
});

Deno.test("a closed port and an unknown name are unreachable", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await withServer(() => new Response(), async () => {
    assert.equal((await refusal(`http://127.0.0.1:${port}/`)).code, "unreachable");
    assert.equal((await refusal("http://no-such-host.invalid/")).code, "unreachable");
  });
});

Deno.test("the connection goes to the checked addresses, whatever the name says by then", async () => {
  await withServer((request) => new Response(request.headers.get("host")), async (origin) => {
    const url = new URL(origin.replace("127.0.0.1", "rebound.invalid"));
    const answer = await exchange({ url, method: "GET", headers: {} }, {
      addresses: [{ address: "127.0.0.1", family: 4 }],
      maxBytes: 1000,
      signal: new AbortController().signal,
    });
    assert.equal(text(answer.body), url.host);
  });
});
