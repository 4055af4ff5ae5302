import assert from "node:assert/strict";
import { startStack } from "../../supabase/local/stack.ts";
import { running, start } from "./program.ts";
import { FIXTURE_OPTIONS, FIXTURES, withFolder } from "./support.ts";

/** One sentence on one line, and nothing of a stack trace. */
function assertSentence({ code, stderr }: { code: number; stderr: string }, expected: RegExp) {
  assert.equal(code, 1, stderr);
  assert.match(stderr, expected);
  assert.equal(stderr.trim().split("\n").length, 1, stderr);
}

Deno.test("a bad flag is one clear sentence and a non-zero exit", async () => {
  assertSentence(await start("--prot", "1"), /Unknown option '--prot'/);
  assertSentence(await start("--port", "web"), /--port must be a port number.*"web"/);
  assertSentence(await start("--db-port", "70000"), /--db-port must be a port number/);
  assertSentence(await start("--db", "mysql://x"), /--db must be a postgresql:\/\/ URL/);
  assertSentence(await start("stray"), /stray/);
});

Deno.test("a taken port is named with the flag that chooses another", () =>
  withFolder(async (data) => {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const port = String(taken.addr.port);
    assertSentence(
      await start("--data", data, "--port", port),
      new RegExp(`Port ${port} is taken.*--port`),
    );
    assertSentence(
      await start("--data", data, "--port", "0", "--db-port", port),
      new RegExp(`Port ${port} is taken.*--db-port`),
    );
  }));

Deno.test("a folder that is not a stack's is left alone, also by --reset", () =>
  withFolder(async (data) => {
    await Deno.writeTextFile(`${data}/thesis.txt`, "mine");
    assertSentence(await start("--data", data, "--reset"), /not a data folder.*thesis.txt/);
    assert.deepEqual([...Deno.readDirSync(data)].map(({ name }) => name), ["thesis.txt"]);
  }));

Deno.test("npm start prints what is needed, keeps its keys and ends cleanly at Ctrl-C", () =>
  withFolder(async (data) => {
    const program = await running(data);
    const { env } = program;
    assert.deepEqual(Object.keys(env), [
      "SUPABASE_URL",
      "SUPABASE_PUBLISHABLE_KEY",
      "SUPABASE_SECRET_KEY",
      "SUPABASE_DB_URL",
      "SUPABASE_JWT_SECRET",
    ]);
    const answer = await fetch(`${env.SUPABASE_URL}/auth/v1/settings`, {
      headers: { apikey: env.SUPABASE_PUBLISHABLE_KEY ?? "" },
    });
    assert.equal((await answer.json()).mailer_autoconfirm, true);
    const { mode } = await Deno.stat(`${data}/secrets.json`);
    assert.equal((mode ?? 0) & 0o777, 0o600);
    assertSentence(await start("--data", data, "--port", "0", "--db-port", "0"), /in use.*process/);
    assert.equal(await program.end("SIGINT"), 0);
    await assert.rejects(Deno.stat(`${data}/stack.env`));

    await Deno.writeTextFile(`${data}/version.json`, '{"layout":1,"pglite":"0.1.0"}');
    assertSentence(
      await start("--data", data, "--port", "0", "--db-port", "0"),
      /made by another version.*PGlite 0\.1\.0.*--reset/,
    );
    const again = await running(data, "--reset");
    assert.equal(again.env.SUPABASE_SECRET_KEY, env.SUPABASE_SECRET_KEY);
    assert.equal(await again.end("SIGTERM"), 0);
  }));

Deno.test("a migration that fails is named with its line, leaves nothing and can be mended", () =>
  withFolder(async (folder) => {
    const [data, migrationsDir] = [`${folder}/data`, `${folder}/migrations`];
    await Deno.mkdir(migrationsDir);
    for (const { name } of Deno.readDirSync(`${FIXTURES}/bad_migrations`)) {
      await Deno.copyFile(`${FIXTURES}/bad_migrations/${name}`, `${migrationsDir}/${name}`);
    }
    const options = { ...FIXTURE_OPTIONS, data, migrationsDir };
    await assert.rejects(startStack(options), {
      name: "StackError",
      message: "Migration 20260101000100_bad.sql failed at line 3: " +
        'relation "public.missing" does not exist',
    });
    await assert.rejects(Deno.stat(`${data}/stack.env`));
    await Deno.writeTextFile(`${migrationsDir}/20260101000100_bad.sql`, "select 1;\n");
    const stack = await startStack(options);
    try {
      const [found] = await stack.query(
        "select to_regclass('public.good') as good, to_regclass('public.half') as half",
      );
      assert.deepEqual(found, { good: "good", half: null });
    } finally {
      await stack.stop();
    }
  }));

Deno.test("the seed is run once, and each start applies what is new", () =>
  withFolder(async (folder) => {
    const [data, migrationsDir] = [`${folder}/data`, `${folder}/migrations`];
    await Deno.mkdir(migrationsDir);
    await Deno.writeTextFile(`${migrationsDir}/1_first.sql`, "create table public.seeded (id int)");
    const seedFile = `${folder}/seed.sql`;
    await Deno.writeTextFile(seedFile, "insert into public.seeded values (1)");
    const options = { ...FIXTURE_OPTIONS, data, migrationsDir, seedFile };
    await (await startStack(options)).stop();
    await Deno.writeTextFile(`${migrationsDir}/2_more.sql`, "insert into public.seeded values (2)");
    const stack = await startStack(options);
    try {
      assert.deepEqual(await stack.query("select id from public.seeded order by id"), [
        { id: 1 },
        { id: 2 },
      ]);
    } finally {
      await stack.stop();
    }
  }));
