import assert from "node:assert/strict";
import { REPOSITORY } from "../../supabase/local/paths.ts";
import type { Stack } from "../../supabase/local/stack.ts";
import { FIXTURES, withFolder, withStack } from "./support.ts";

async function push(stack: Stack, project: string): Promise<string> {
  const command = new Deno.Command(`${REPOSITORY}/node_modules/.bin/supabase`, {
    args: ["db", "push", `--remote=${stack.dbUrl}?sslmode=disable`, "--yes", "--workdir", project],
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await command.output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.equal(code, 0, text);
  return text;
}

Deno.test("the Supabase CLI sees our migrations as applied and pushes a new one", () =>
  withFolder((project) =>
    withStack(async (stack) => {
      const migrations = `${project}/supabase/migrations`;
      await Deno.mkdir(migrations, { recursive: true });
      await Deno.writeTextFile(`${project}/supabase/config.toml`, 'project_id = "pushed"\n');
      for await (const { name } of Deno.readDir(`${FIXTURES}/migrations`)) {
        await Deno.copyFile(`${FIXTURES}/migrations/${name}`, `${migrations}/${name}`);
      }
      assert.match(await push(stack, project), /up to date/);
      await Deno.writeTextFile(
        `${migrations}/20270101000000_pushed.sql`,
        "create table public.pushed (id int);\ninsert into public.pushed values (7);\n",
      );
      await push(stack, project);
      assert.deepEqual(await stack.query("select * from public.pushed"), [{ id: 7 }]);
      const [newest] = await stack.query(
        "select version, name, statements from supabase_migrations.schema_migrations " +
          "order by version desc limit 1",
      );
      assert.equal(newest?.version, "20270101000000");
      assert.equal(newest?.name, "pushed");
    })
  ));
