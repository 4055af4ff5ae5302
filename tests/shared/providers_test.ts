import assert from "node:assert/strict";
import { endpointOf, PROVIDERS } from "@shared/providers.ts";

Deno.test("each known provider has an address that takes keys over TLS alone", () => {
  assert.ok(PROVIDERS.size > 0);
  for (const [provider, { baseUrl }] of PROVIDERS) {
    const { modelsUrl, headers } = endpointOf(provider, null);
    assert.match(provider, /^[a-z0-9][a-z0-9_-]{0,49}$/, "as the database has it");
    assert.match(baseUrl, /^https:\/\/[^?#]+[^/?#]$/);
    assert.ok(modelsUrl.startsWith(`${baseUrl}/`));
    const carried = Object.values(headers("the-key"));
    assert.ok(carried.some((value) => value.includes("the-key")), provider);
  }
});

Deno.test("the address given comes before the known one, with or without a slash at its end", () => {
  const own = "https://proxy.example.com/openai";
  for (const given of [own, `${own}/`, `${own}///`]) {
    assert.equal(endpointOf("openai", given).modelsUrl, `${own}/models`);
    assert.equal(endpointOf("ours", given).modelsUrl, `${own}/models`);
  }
  assert.deepEqual(endpointOf("ours", own).headers("k"), { authorization: "Bearer k" });
});

Deno.test("an unknown provider without an address is refused, also one named as what objects inherit", () => {
  for (
    const name of ["ours", "constructor", "__proto__", "toString", "valueOf", "hasOwnProperty"]
  ) {
    assert.ok(!PROVIDERS.has(name));
    assert.throws(() => endpointOf(name, null), {
      code: "provider_error",
      message: `We don't know where ${name} is: set its key again, with base_url`,
    });
    assert.deepEqual(endpointOf(name, "https://a.example").headers("k"), {
      authorization: "Bearer k",
    });
  }
});
