import assert from "node:assert/strict";
import type { Answer, Body } from "../harness/answer.ts";
import { call } from "../harness/client.ts";
import { openApi, type Operation } from "../harness/contract.ts";
import { refused } from "../harness/expect.ts";
import { ALL_SCOPES, issueKey, keyWithout, revokedKey, scopeOf } from "../harness/keys.ts";
import { createTenant } from "../harness/tenant.ts";

const functions = new URL("../../supabase/functions/", import.meta.url);
const domains = [...Deno.readDirSync(functions)]
  .filter(({ name, isDirectory }) => isDirectory && !name.startsWith("_"))
  .map(({ name }) => name);

/** An operation as something to call: its path filled with ids of nothing. */
type Target = { method: string; path: string; scope?: string; isOpen: boolean };

const isBuiltIn = ({ operationId }: Operation) => /_(health|openapi)$/.test(operationId);

async function targetsOf(domain: string): Promise<Target[]> {
  const { paths }: { paths: Record<string, Record<string, Operation>> } = await openApi(domain);
  return Object.entries(paths).flatMap(([template, operations]) =>
    Object.entries(operations).filter(([, operation]) => !isBuiltIn(operation)).map(
      ([method, operation]) => ({
        method: method.toUpperCase(),
        path: template.replaceAll(/\{\w+\}/g, () => crypto.randomUUID()),
        scope: scopeOf(operation),
        isOpen: operation.security.length === 0,
      }),
    )
  );
}

const targets = (await Promise.all(domains.map(targetsOf))).flat();
const scoped = targets.flatMap(({ scope, ...target }) => scope ? [{ ...target, scope }] : []);

const send = ({ method, path }: Target, token: string): Promise<Answer> =>
  call(method, path, { token });

/** Whether an answer comes from behind the check of the key. */
const isLetIn = ({ status, body }: Answer) =>
  status !== 401 && status !== 500 && body?.code !== "insufficient_scope";

Deno.test("there are operations to try keys on", () => {
  assert.ok(scoped.length >= 40, `${scoped.length} operations ask for a scope`);
  for (const { scope } of scoped) assert.ok(ALL_SCOPES.some((known) => known === scope), scope);
  const others = targets.filter(({ scope, isOpen }) => !scope && !isOpen);
  // What neither a scope opens nor everyone may call is the service's alone.
  assert.ok(others.length > 0 && others.length < 10);
});

Deno.test("a revoked key opens nothing, on any route", async () => {
  const tenant = await createTenant();
  const token = await revokedKey(tenant);
  for (const target of targets) {
    refused(await send(target, token), 401, "invalid_api_key");
  }
});

Deno.test("each operation asks for its scope, and no other one will do", async () => {
  const tenant = await createTenant();
  for (const target of scoped) {
    const answer = await send(target, await keyWithout(tenant, target.scope));
    const { detail } = refused(answer, 403, "insufficient_scope");
    assert.ok(detail.includes(target.scope), `${target.method} ${target.path}: ${detail}`);
  }
});

Deno.test("each operation's own scope will do, and that of its whole domain", async (t) => {
  const { owner } = await createTenant();
  const byScope = Map.groupBy(scoped, ({ scope }) => scope);
  for (const [scope, operations] of byScope) {
    const [domain] = scope.split(":");
    for (const held of [scope, `${domain}:*`]) {
      await t.step(`${held} for ${scope}`, async () => {
        const { key }: Body = await issueKey(owner, [held]);
        for (const target of operations) {
          const answer = await send(target, key);
          const what = `${target.method} ${target.path} answered ${JSON.stringify(answer.body)}`;
          assert.ok(isLetIn(answer), what);
        }
      });
    }
  }
});

Deno.test("the service's own operations are closed to every key", async () => {
  const { owner } = await createTenant();
  const { key } = await issueKey(owner, ALL_SCOPES);
  for (const target of targets.filter(({ scope, isOpen }) => !scope && !isOpen)) {
    refused(await send(target, key), 403, "forbidden");
  }
});
