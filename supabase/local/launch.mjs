// Runs a program of this repository with Deno on a machine that has only Node:
//   node supabase/local/launch.mjs <entry.ts> [arguments…]
//   node supabase/local/launch.mjs --tool <deno subcommand> [arguments…]
// What is missing is installed first. Plain JavaScript: it runs before anything is there.
import { spawn, spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(fileURLToPath(new URL("../..", import.meta.url)));

const [major] = process.versions.node.split(".").map(Number);
if (major < 20) fail(`Node.js 20 or newer is needed; this is ${process.versions.node}.`);

const given = process.argv.slice(2);
if (given.length === 0) fail("What shall be run? Name a program, or --tool and a Deno command.");
if (!isInstalled()) install();

// No lock file of Deno's: package-lock.json already says which versions there are.
const args = given[0] === "--tool"
  ? given.slice(1)
  : ["run", "--no-lock", "--allow-all", join(root, given[0]), ...given.slice(1)];
run(denoBinary(), args);

/** Whether node_modules is what package-lock.json asks for, by npm's own note of what it put there. */
function isInstalled() {
  const note = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(note)) return false;
  const wanted = packages(join(root, "package-lock.json"));
  const found = packages(note);
  const isSame = (path) => found[path]?.version === wanted[path].version;
  return Object.keys(wanted).every((path) => path === "" || wanted[path].optional || isSame(path));
}

function packages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages ?? {};
  } catch {
    return {};
  }
}

function install() {
  console.error("Installing the packages of package-lock.json (once)…");
  // Not `npm ci`: it refuses a lock file that names the binaries of some platforms only.
  const options = { cwd: root, stdio: ["ignore", "ignore", "inherit"] };
  // npm is a script with an extension of its own on Windows, which only a shell finds.
  const { error, status } = process.platform === "win32"
    ? spawnSync("npm install --no-save --loglevel=error", { ...options, shell: true })
    : spawnSync("npm", ["install", "--no-save", "--loglevel=error"], options);
  if (error) fail(`npm can't be run (${error.code}); it comes with Node.js.`);
  if (status !== 0) fail("npm could not install the packages; its message is above.");
}

/** The program itself, not a script around it, so that signals and the exit code come through. */
function denoBinary() {
  const require = createRequire(join(root, "package.json"));
  const name = process.platform === "win32" ? "deno.exe" : "deno";
  try {
    const packaged = join(root, "node_modules", "deno", name);
    return existsSync(packaged) ? packaged : require("deno/install_api.cjs").runInstall();
  } catch (error) {
    return fail(`Deno is not installed (${error.message}); remove node_modules and try again.`);
  }
}

function run(program, args) {
  const child = spawn(program, args, {
    cwd: root,
    stdio: "inherit",
    env: { INIT_CWD: process.cwd(), ...process.env },
  });
  // A terminal's Ctrl-C reaches both processes, a signal sent to this one does not, so all are
  // passed on; the child takes two at once as one. This one stays until the child has ended.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => child.kill(signal));
  }
  child.on("error", (error) => fail(`${program} can't be run: ${error.message}`));
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}
