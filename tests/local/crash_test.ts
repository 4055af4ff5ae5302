import assert from "node:assert/strict";
import postgres from "postgres";
import { running, stackPid } from "./program.ts";
import { withFolder } from "./support.ts";

/** Writes rows until the connection breaks; returns the last that was acknowledged. */
async function writeUntilKilled(url: string, first: number, kill: () => void): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  let acknowledged = first;
  try {
    for (let id = first + 1;; id++) {
      await sql`insert into public.kept values (${id}, ${"x".repeat(2000)})`;
      acknowledged = id;
      if (id === first + 200) queueMicrotask(kill);
    }
  } catch {
    return acknowledged;
  } finally {
    await sql.end({ timeout: 0 });
  }
}

Deno.test("after kill -9 in the middle of writes every acknowledged row is there", () =>
  withFolder(async (data) => {
    let last = 0;
    for (let round = 0; round < 3; round++) {
      const program = await running(data);
      const url = program.env.SUPABASE_DB_URL ?? "";
      const sql = postgres(url, { max: 1, onnotice: () => {} });
      await sql`create table if not exists public.kept (id int primary key, filler text)`;
      const [row] = await sql`select count(*)::int as rows, max(id) as last from public.kept`;
      assert.ok(Number(row?.last ?? 0) >= last, `row ${last} is lost`);
      assert.equal(row?.rows, row?.last ?? 0, "no gaps");
      await sql.end();
      const pid = await stackPid(data);
      const kill = () => Deno.kill(pid, "SIGKILL");
      last = await writeUntilKilled(url, Number(row?.last ?? 0), kill);
      await program.end("SIGTERM").catch(() => {});
    }
    const program = await running(data);
    const sql = postgres(program.env.SUPABASE_DB_URL ?? "", { max: 1 });
    const [row] = await sql`select count(*)::int as rows from public.kept`;
    assert.ok(Number(row?.rows) >= last);
    await sql.end();
    assert.equal(await program.end("SIGTERM"), 0);
  }));

Deno.test("a first start that is killed half-way is begun anew", () =>
  withFolder(async (data) => {
    await Deno.mkdir(`${data}/db/base`, { recursive: true });
    await Deno.writeTextFile(`${data}/db/PG_VERSION`, "17\n");
    const program = await running(data);
    assert.equal(await program.end("SIGTERM"), 0);
  }));
