import { REPOSITORY } from "../../supabase/local/paths.ts";
import { run, succeed } from "../checks/command.ts";
import { Finding } from "../checks/report.ts";

const TEMPORARY = `${REPOSITORY}/supabase/.temp`;

/** What tells that Python is too old for the packages, and else its version. */
const VERSION = "import sys; print(sys.version_info >= (3, 10), sys.version.split()[0])";

/** What a suite needs of PyPI. */
export type Requirements = {
  /** As it is told to who waits for it. */
  name: string;
  /** A requirements file, from the root of the repository. */
  file: string;
  /** Where environments with it are kept, below `supabase/.temp`. */
  folder: string;
};

/**
 * A virtual environment with these packages, made at the first call and kept.
 *
 * @returns the folder of its programs
 * @throws {Finding} where there is no Python that the packages run on
 */
export async function preparePython({ name, file, folder }: Requirements): Promise<string> {
  const { python, version } = await findPython(name);
  const path = `${REPOSITORY}/${file}`;
  const requirements = await Deno.readTextFile(path);
  const digest = await crypto.subtle.digest(
    "SHA-256",
    new TextEncoder().encode(`${python} ${version} ${REPOSITORY}\n${requirements}`),
  );
  const parent = `${TEMPORARY}/${folder}`;
  const environment = `${parent}/venv-${new Uint8Array(digest).toHex().slice(0, 16)}`;
  const programs = `${environment}/${Deno.build.os === "windows" ? "Scripts" : "bin"}`;
  const isWhole = await Deno.stat(`${environment}/whole`).then(() => true, () => false);
  if (isWhole) return programs;
  await Deno.remove(environment, { recursive: true }).catch(() => {});
  await Deno.mkdir(parent, { recursive: true });
  console.log(`Installing ${name} for Python ${version} (once)…`);
  await makeEnvironment(python, environment);
  const install = ["-m", "pip", "install", "--disable-pip-version-check", "-q", "-r", path];
  await succeed(`${programs}/python`, install);
  await Deno.writeTextFile(`${environment}/whole`, "");
  return programs;
}

/** EDGELOOM_PYTHON, if it is set, or the first Python of the path that is new enough. */
async function findPython(name: string): Promise<{ python: string; version: string }> {
  const named = Deno.env.get("EDGELOOM_PYTHON");
  const candidates = named
    ? [named]
    : ["python3", "python", "python3.13", "python3.12", "python3.11"];
  const seen: string[] = [];
  for (const python of candidates) {
    const answer = await run(python, ["-c", VERSION]).catch(() => undefined);
    if (answer?.code !== 0) continue;
    const [isNew, version = ""] = answer.stdout.trim().split(" ");
    if (isNew === "True") return { python, version };
    seen.push(`${python} is ${version}`);
  }
  const found = seen.length > 0 ? seen.join(", ") : `there is no ${candidates.join(", ")}`;
  throw new Finding(
    `${name} needs Python 3.10 or newer, and ${found}. ` +
      "Install it (Debian: python3 and python3-venv), or name one in EDGELOOM_PYTHON.",
  );
}

/** Debian's Python has no venv of its own until python3-venv is installed: virtualenv does as well. */
async function makeEnvironment(python: string, folder: string): Promise<void> {
  const { code, stdout, stderr } = await run(python, ["-m", "venv", folder]);
  if (code === 0) return;
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  const other = await run(python, ["-m", "virtualenv", folder]);
  if (other.code === 0) return;
  throw new Finding(
    `${python} can make no virtual environment; install python3-venv or virtualenv.\n${stdout}${stderr}`,
  );
}
