import assert from "node:assert/strict";

const config = new URL("../../deno.json", import.meta.url).pathname;

/** A program that declares a route with these fields. */
const program = (fields: string) => `
  import { createRoute } from "@shared/route.ts";
  export const route = createRoute({
    method: "get",
    path: "/",
    operationId: "test",
    summary: "Test",
    description: "Test.",
    answers: { 200: { description: "Test." } },
    ${fields}
  }, () => Promise.resolve(undefined));`;

/** What the compiler says of a program; nothing when it compiles. */
async function compile(source: string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "edgeloom_types_" });
  try {
    await Deno.writeTextFile(`${folder}/program.ts`, source);
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--no-lock", "--quiet", "--config", config, `${folder}/program.ts`],
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(stderr);
    assert.equal(code !== 0, text.includes("[ERROR]"), text);
    return text;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a route that does not declare who may call it does not compile", async (t) => {
  const fails = (name: string, fields: string, error: RegExp) =>
    t.step(name, async () => assert.match(await compile(program(fields)), error));

  await t.step("with both it compiles", async () => {
    assert.equal(await compile(program('auth: "user", scope: "pipelines:read"')), "");
  });
  await fails("without auth", "", /Property 'auth' is missing/);
  await fails("a user's without scope", 'auth: "user"', /Property 'scope' is missing/);
  await fails("with a scope that is none", 'auth: "user", scope: "pipelines:fly"', /pipelines:fly/);
  await fails(
    "public with a scope",
    'auth: "public", scope: "pipelines:read"',
    /'scope'|undefined/,
  );
  await fails("with an auth that is none", 'auth: "anyone"', /anyone/);
});
