import { z } from "zod";
import { messageOf, StackError } from "./errors.ts";
import { REPOSITORY } from "./paths.ts";

const NAMES = new Set(["db", "storage", "secrets.json", "version.json", "stack.env", "lock"]);

/** Raised by one whenever a stack can no longer read what an older one wrote. */
const LAYOUT = 1;

const Version = z.object({ layout: z.number(), pglite: z.string() });
type Version = z.infer<typeof Version>;

/** Where one stack keeps what must outlive it. Held by one process at a time. */
export interface DataFolder {
  readonly path: string;
  /** The folder of PGlite's database. */
  readonly database: string;
  /** The folder of uploaded objects. */
  readonly storage: string;
  /** Records that the database is whole; until then the next start begins it anew. */
  markReady(): Promise<void>;
  /** Writes `stack.env`, the sign that the stack answers. */
  publish(variables: Record<string, string>): Promise<void>;
  /** Gives the folder back; another process may open it. */
  close(): Promise<void>;
}

/**
 * Opens a data folder, or makes it.
 * @throws StackError when it is in use, is of another version, or is no data folder
 */
export async function openDataFolder(path: string, reset = false): Promise<DataFolder> {
  await Deno.mkdir(path, { recursive: true }).catch((error) => {
    throw new StackError(`The data folder ${path} can't be made: ${messageOf(error)}.`);
  });
  await refuseForeign(path);
  const lock = await holdLock(path);
  try {
    const names = reset ? ["db", "storage", "version.json", "stack.env"] : ["stack.env"];
    for (const name of names) await remove(`${path}/${name}`);
    await checkVersion(path);
  } catch (error) {
    lock.close();
    throw error;
  }
  return {
    path,
    database: `${path}/db`,
    storage: `${path}/storage`,
    markReady: async () =>
      writeWhole(`${path}/version.json`, `${JSON.stringify(await ownVersion())}\n`),
    publish: (variables) => {
      const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
      return writeWhole(`${path}/stack.env`, lines.join(""));
    },
    close: async () => {
      await remove(`${path}/stack.env`);
      lock.close();
    },
  };
}

/** Writes a file that is there whole or not at all, readable by its owner only. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const temporary = `${path}.${crypto.randomUUID()}.new`;
  await Deno.writeFile(temporary, bytes, { mode: 0o600 });
  await Deno.rename(temporary, path);
}

/** A folder given by mistake (a home directory, a project) must not be taken for ours. */
async function refuseForeign(path: string): Promise<void> {
  const foreign: string[] = [];
  for await (const { name } of Deno.readDir(path)) {
    if (name === "secrets.json") return;
    if (!NAMES.has(name) && !name.endsWith(".new")) foreign.push(name);
  }
  if (foreign.length === 0) return;
  throw new StackError(`${path} is not a data folder of this stack: it holds "${foreign[0]}".`);
}

/** A file lock ends with its process, however that ends, so it is never stale. */
async function holdLock(path: string): Promise<Deno.FsFile> {
  const lock = await Deno.open(`${path}/lock`, { read: true, write: true, create: true });
  if (await lock.tryLock(true)) {
    await lock.truncate();
    await lock.write(new TextEncoder().encode(`${Deno.pid}\n`));
    return lock;
  }
  lock.close();
  const pid = (await Deno.readTextFile(`${path}/lock`)).trim();
  throw new StackError(
    `The data folder ${path} is in use by another stack (process ${pid}); ` +
      `stop that one or choose another folder with --data.`,
  );
}

async function checkVersion(path: string): Promise<void> {
  const text = await Deno.readTextFile(`${path}/version.json`).catch(() => null);
  if (text === null) {
    // A first start that was killed half-way: it never answered, so nothing in it is anyone's.
    await remove(`${path}/db`);
    return;
  }
  const found = readVersion(text);
  const own = await ownVersion();
  if (found?.layout === own.layout && found.pglite === own.pglite) return;
  const made = found ? `layout ${found.layout}, PGlite ${found.pglite}` : "unknown";
  throw new StackError(
    `The data folder ${path} was made by another version (${made}; this one is layout ` +
      `${own.layout}, PGlite ${own.pglite}); use another --data, or --reset to start empty.`,
  );
}

function readVersion(text: string): Version | undefined {
  try {
    return Version.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

async function ownVersion(): Promise<Version> {
  const manifest = `${REPOSITORY}/node_modules/@electric-sql/pglite/package.json`;
  const { version } = z.object({ version: z.string() }).parse(
    JSON.parse(await Deno.readTextFile(manifest)),
  );
  return { layout: LAYOUT, pglite: version };
}

async function remove(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}
