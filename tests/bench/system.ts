/** The program in PATH, or else of the newest release below `releases` (`<release>/bin/<name>`). */
export async function findExecutable(name: string, releases: string): Promise<string | null> {
  const found = await newestFirst(releases);
  const folders = [...(Deno.env.get("PATH") ?? "").split(":"), ...found];
  for (const folder of folders) {
    const path = await Deno.realPath(`${folder}/${name}`).catch(() => null);
    if (path) return path;
  }
  return null;
}

/** The programs of a PostgreSQL server: those in PATH, or else of Debian's newest release. */
export async function findServer(): Promise<{ initdb: string; postgres: string } | null> {
  const releases = "/usr/lib/postgresql";
  const initdb = await findExecutable("initdb", releases);
  const postgres = await findExecutable("postgres", releases);
  return initdb && postgres ? { initdb, postgres } : null;
}

async function newestFirst(releases: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(releases)) names.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort((a, b) => Number(b) - Number(a)).map((name) => `${releases}/${name}/bin`);
}

/** The ids of a user of this machine. */
export async function userIds(name: string): Promise<{ uid: number; gid: number }> {
  const line = (await Deno.readTextFile("/etc/passwd")).split("\n").find((text) =>
    text.startsWith(`${name}:`)
  );
  const [, , uid, gid] = line?.split(":") ?? [];
  if (!uid || !gid) throw new Error(`There is no user ${name} on this machine.`);
  return { uid: Number(uid), gid: Number(gid) };
}

/** Tells each line of a stream, to its end. */
export async function readLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  tell: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = `${rest}${text}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) tell(line);
  }
  if (rest) tell(rest);
}
