import assert from "node:assert/strict";
import { withStack } from "./support.ts";

Deno.test("the docs page lists every function and loads nothing from elsewhere", () =>
  withStack(async (stack) => {
    const redirect = await fetch(stack.url, { redirect: "manual" });
    await redirect.body?.cancel();
    assert.equal(redirect.headers.get("location"), "/docs");
    const page = await (await fetch(`${stack.url}/docs`)).text();
    assert.match(page, /"url":"\/functions\/v1\/hello\/openapi.json"/);
    assert.doesNotMatch(page, /(src|href)="(https?:)?\/\//);
    const assets = [...page.matchAll(/(?:src|href)="(\/docs\/[^"]+)"/g)].map(([, path]) => path);
    assert.equal(assets.length, 4);
    for (const path of assets) {
      const asset = await fetch(`${stack.url}${path}`);
      assert.equal(asset.status, 200, path);
      assert.ok((await asset.bytes()).length > 100);
    }
    const outside = await fetch(`${stack.url}/docs/..%2Fpackage.json`);
    await outside.body?.cancel();
    assert.equal(outside.status, 404);
  }));
