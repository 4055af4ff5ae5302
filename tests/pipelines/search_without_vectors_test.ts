import assert from "node:assert/strict";
import type { Row } from "../../supabase/local/database.ts";
import type { Stack } from "../../supabase/local/stack.ts";
import { startOwnStack } from "../harness/own_stack.ts";

const USER = "a0000000-0000-4000-8000-000000000000";

/** What a statement answers the user; the last one's rows. */
async function asUser(stack: Stack, statement: string): Promise<Row[]> {
  const claims = JSON.stringify({ sub: USER, role: "authenticated" });
  const answers = await stack.script(`begin;
    select set_config('request.jwt.claims', '${claims}', true), set_config('role', 'authenticated', true);
    ${statement}; commit`);
  return answers.at(2) ?? [];
}

Deno.test("a database without pgvector searches by words, and with it by meaning once it is there", async () => {
  const stack = await startOwnStack({ scheduler: false });
  try {
    await stack.query(
      `insert into auth.users (id, email) values ('${USER}', 'a@example.com')`,
    );
    // As the migration leaves it on a server that has no pgvector.
    await stack.script("alter table public.vector_representations drop column embedding");
    await asUser(stack, `select public.create_block('rain', 'dataset', '{"kind": "trigger"}')`);

    const find = async (q: string) => {
      const rows = await asUser(
        stack,
        `select name, matched from public.search_registry('${q}', embedding => array[1, 0], model => 'm')`,
      );
      return rows.map(({ name, matched }) => [name, matched]);
    };
    const work = () =>
      stack.query(
        "select entity_type, entity_id, text_hash from public.stale_representations('m')",
      );
    const save = async (rows: Row[]) => {
      const items = rows.map((row) => ({ ...row, embedding: [1, 0] }));
      const [row] = await stack.query("select public.save_representations('m', $1) as saved", [
        JSON.stringify(items),
      ]);
      return row?.saved;
    };
    assert.deepEqual(await find("rain"), [["rain", ["name", "text"]]]);
    assert.deepEqual(await find("downpour"), []);
    assert.deepEqual(await work(), []);
    assert.equal(await save([{ entity_type: "block", entity_id: USER, text_hash: "" }]), 0);

    assert.deepEqual(await stack.query("select private.enable_vectors() as enabled"), [{
      enabled: true,
    }]);
    const missing = await work();
    assert.equal(await save(missing), missing.length);
    assert.deepEqual(await find("downpour"), [["rain", ["meaning"]]]);
  } finally {
    await stack.stop();
  }
});
