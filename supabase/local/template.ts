import { createHash } from "node:crypto";
import { writeWhole } from "./data_folder.ts";
import { REPOSITORY } from "./paths.ts";
import { startStack } from "./stack.ts";

/**
 * A database with all migrations applied, to start stacks from (`StackOptions.snapshot`) in a
 * fraction of the time. It is made once for each state of the migrations and kept beside the data.
 */
export async function templateSnapshot(migrationsDir?: string): Promise<Blob> {
  const migrations = migrationsDir ?? `${REPOSITORY}/supabase/migrations`;
  const folder = `${REPOSITORY}/supabase/.temp/templates`;
  const file = `${folder}/${await fingerprint(migrations)}.tar`;
  try {
    return new Blob([await Deno.readFile(file)]);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const stack = await startStack({ migrationsDir: migrations, scheduler: false });
  try {
    const snapshot = await stack.snapshot();
    await Deno.mkdir(folder, { recursive: true });
    await writeWhole(file, await snapshot.bytes());
    return snapshot;
  } finally {
    await stack.stop();
  }
}

/** Changes with whatever a database is made from. */
async function fingerprint(migrations: string): Promise<string> {
  const local = `${REPOSITORY}/supabase/local`;
  const files = [
    `${REPOSITORY}/package-lock.json`,
    ...await sqlFiles(local),
    ...await sqlFiles(migrations),
  ];
  const hash = createHash("sha256");
  for (const file of files) hash.update(file).update(await Deno.readFile(file));
  return hash.digest("hex").slice(0, 16);
}

async function sqlFiles(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (name.endsWith(".sql")) files.push(`${folder}/${name}`);
  }
  return files.sort();
}
