import { rm } from "node:fs/promises";
import { type DataFolder, openDataFolder } from "./data_folder.ts";
import type { Database, Row } from "./database.ts";
import { Docs } from "./docs.ts";
import { drain, install, type Runtime } from "./edge_runtime.ts";
import { functionVariables, usesDemoModel } from "./environment.ts";
import { StackError } from "./errors.ts";
import { readVerifyJwt } from "./function_config.ts";
import { Functions } from "./functions.ts";
import { route } from "./gateway.ts";
import { listenHttp } from "./http.ts";
import { prepare } from "./lite.ts";
import { migrate, seed } from "./migrations.ts";
import { REPOSITORY } from "./paths.ts";
import { openPglite, PgliteDatabase } from "./pglite.ts";
import { openPostgres } from "./postgres.ts";
import { startScheduler } from "./scheduler.ts";
import { loadSecrets, makeSecrets, type Secrets } from "./secrets.ts";
import { listenWire, type WireServer } from "./wire.ts";

/** How long a stop waits for `waitUntil` promises and requests in progress. */
const DRAIN_MS = 10_000;

/** What a stack is to be. Everything has a default; ports are then chosen by the system. */
export interface StackOptions {
  /** The API's port; 0 for any. */
  readonly port?: number;
  /** The database's port; 0 for any. */
  readonly dbPort?: number;
  /** The data folder; null keeps everything in memory. */
  readonly data?: string | null;
  /** Empty the data folder first. */
  readonly reset?: boolean;
  /** URL of a PostgreSQL server to use instead of PGlite. */
  readonly db?: string;
  /** What `Stack.snapshot` of another stack returned: begin with its database. */
  readonly snapshot?: Blob;
  readonly migrationsDir?: string;
  readonly functionsDir?: string;
  /** Run once on a new database. */
  readonly seedFile?: string;
  readonly configFile?: string;
  /** Wake the worker when the database says that there is work. */
  readonly scheduler?: boolean;
  /** Show what Supabase Lite writes to the console. */
  readonly debug?: boolean;
}

/** A running stack. */
export interface Stack {
  /** The API, without a slash at the end. */
  readonly url: string;
  /** The database, for any PostgreSQL client. */
  readonly dbUrl: string;
  readonly publishableKey: string;
  readonly secretKey: string;
  readonly jwtSecret: string;
  /** Whether no provider of models is configured, so that the demo model answers. */
  readonly hasDemoModel: boolean;
  /** One statement as `postgres`, past row level security, between other requests. */
  query(sql: string, params?: readonly unknown[]): Promise<Row[]>;
  /** A script of many statements; the rows of each. Nothing that it sets stays. */
  script(sql: string): Promise<Row[][]>;
  /** The whole database, to start other stacks from. PGlite only. */
  snapshot(): Promise<Blob>;
  /** Stops accepting, lets what is in progress end for a while, and closes the database. */
  stop(): Promise<void>;
}

/**
 * Starts a stack. It answers when this returns.
 * @throws StackError for what the developer can put right; nothing is left running then
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const cleanup = new AsyncDisposableStack();
  try {
    return await start(options, cleanup);
  } catch (error) {
    await cleanup.disposeAsync();
    throw error;
  }
}

async function start(options: StackOptions, cleanup: AsyncDisposableStack): Promise<Stack> {
  const folder = options.data ? await openDataFolder(options.data, options.reset) : null;
  cleanup.defer(() => folder?.close());
  const secrets = folder ? await loadSecrets(folder.path) : await makeSecrets();
  const storage = folder?.storage ?? await temporaryFolder(cleanup);
  let opened: Database | undefined;
  cleanup.defer(() => opened?.close());

  const http = listenHttp(options.port ?? 0);
  cleanup.defer(() => http.stop());
  const wire = options.db ? null : claimWire(options.dbPort ?? 0);
  cleanup.defer(() => wire?.stop());

  const url = `http://127.0.0.1:${http.port}`;
  const dbUrl = options.db ?? `postgresql://postgres:postgres@127.0.0.1:${wire?.port}/postgres`;
  const database = opened = await openDatabase(options, folder);
  const app = await prepare(database, secrets, { url, storage });
  await fill(database, options);
  if (!options.db) await folder?.markReady();

  const functions = await openFunctions(options, { url, dbUrl }, secrets);
  cleanup.defer(() => functions.drain());
  const debug = options.debug ?? false;
  const { host, docs, hasDemoModel } = functions;
  const backends = { app, database, functions: host, docs, hasDemoModel, debug };
  http.answer((request, info) => route(backends, request, info));
  if (wire && database instanceof PgliteDatabase) wire.start(database);
  const secretKey = secrets.secretKey;
  if (options.scheduler ?? true) cleanup.defer(startScheduler({ database, url, secretKey }));

  const { publishableKey, jwtSecret } = secrets;
  await folder?.publish({
    SUPABASE_URL: url,
    SUPABASE_PUBLISHABLE_KEY: publishableKey,
    SUPABASE_SECRET_KEY: secretKey,
    SUPABASE_DB_URL: dbUrl,
    SUPABASE_JWT_SECRET: jwtSecret,
  });
  return {
    url,
    dbUrl,
    publishableKey,
    secretKey,
    jwtSecret,
    hasDemoModel,
    query: (sql, params) => database.query(sql, params),
    script: (sql) => database.script(sql),
    snapshot: () => {
      if (database instanceof PgliteDatabase) return database.snapshot();
      throw new StackError("A snapshot can be taken of the built-in database only.");
    },
    stop: () => cleanup.disposeAsync(),
  };
}

function claimWire(port: number): WireServer {
  try {
    return listenWire(port);
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw new StackError(`Port ${port} is taken; choose another one with --db-port.`);
  }
}

function openDatabase(options: StackOptions, folder: DataFolder | null): Promise<Database> {
  return options.db
    ? openPostgres(options.db)
    : openPglite(folder?.database ?? null, options.snapshot);
}

/** Objects of a stack in memory are on the disk as long as it runs. */
async function temporaryFolder(cleanup: AsyncDisposableStack): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "edgeloom_storage_" });
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function fill(database: Database, options: StackOptions): Promise<void> {
  await migrate(database, options.migrationsDir ?? `${REPOSITORY}/supabase/migrations`);
  const seedFile = options.seedFile ?? `${REPOSITORY}/supabase/seed.sql`;
  if (!options.migrationsDir || options.seedFile) await seed(database, seedFile);
  await database.connection.clearSchemaCache();
}

async function openFunctions(
  options: StackOptions,
  addresses: { url: string; dbUrl: string },
  secrets: Secrets,
) {
  const folder = options.functionsDir ?? `${REPOSITORY}/supabase/functions`;
  const variables = await functionVariables(addresses, secrets, `${folder}/.env`);
  const runtime: Runtime = { variables, tasks: new Set() };
  install(runtime);
  const host = new Functions({
    folder,
    runtime,
    jwtSecret: secrets.jwtSecret,
    verifyJwt: await readVerifyJwt(options.configFile ?? `${REPOSITORY}/supabase/config.toml`),
  });
  return {
    host,
    docs: new Docs(host),
    hasDemoModel: usesDemoModel(variables),
    drain: async () => {
      host.close();
      if (await drain(runtime.tasks, DRAIN_MS)) return;
      console.error(`${runtime.tasks.size} background tasks were still running at the end.`);
    },
  };
}
