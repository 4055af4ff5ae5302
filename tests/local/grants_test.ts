import assert from "node:assert/strict";
import { type Stack, startStack } from "../../supabase/local/stack.ts";
import { FIXTURE_OPTIONS, signUp, withFolder } from "./support.ts";

async function privileges(stack: Stack) {
  return await stack.query(`
    select grantee, table_name, string_agg(privilege_type, ',' order by privilege_type) as granted
      from information_schema.role_table_grants
     where table_schema = 'public' and grantee in ('anon', 'authenticated')
     group by 1, 2 order by 1, 2`);
}

Deno.test("only what a migration grants is granted, also after requests and a second start", () =>
  withFolder(async (data) => {
    const expected = [{ grantee: "authenticated", table_name: "notes", granted: "INSERT,SELECT" }];
    for (let start = 1; start <= 2; start++) {
      const stack = await startStack({ ...FIXTURE_OPTIONS, data });
      try {
        const { client } = await signUp(stack);
        assert.equal((await client.from("notes").select()).error, null);
        assert.equal((await client.from("hidden").select()).error?.code, "42501");
        assert.deepEqual(await privileges(stack), expected, `start ${start}`);
        await stack.query(`create table public.late_${start} (id int)`);
        assert.deepEqual(await privileges(stack), expected, "a later table");
        assert.equal((await client.from(`late_${start}`).select()).error?.code, "42501");
      } finally {
        await stack.stop();
      }
    }
  }));
