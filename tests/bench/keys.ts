import assert from "node:assert/strict";
import postgres from "postgres";
import { hashKey } from "@shared/key_format.ts";
import { startStack } from "../../supabase/local/stack.ts";
import { compare, type Work } from "./measure.ts";
import { type Server, withServer } from "./postgres_server.ts";
import { comparisonFigure, type Figure } from "./report.ts";
import { type Member, signUp } from "./seed.ts";
import { type StackProcess, startStackProcess } from "./stack_process.ts";

const GOAL = 1.2;
const ROUNDS = { rounds: 7, turns: 60 };

/** Checking a key against an rpc that returns a constant, and calls with a key against `/health`. */
export async function measureKeys(db?: string): Promise<Figure[]> {
  return await withServer(db, measureOn) ?? [];
}

async function measureOn(server: Server): Promise<Figure[]> {
  const sql = postgres(server.url, { max: 1, onnotice: () => {} });
  // The Data API reads once which functions there are: the constant has to be there before.
  await (await startStack({ db: server.url, scheduler: false })).stop();
  await sql.unsafe(CONSTANT).simple();
  const stack = await startStackProcess(server.url);
  try {
    const member = await signUp(stack);
    const keys = {
      plain: await issueKey(stack, member, {}),
      limited: await issueKey(stack, member, { rate_limit: 1_000_000 }),
    };
    // As it is for all calls of a minute but the first.
    await sql`update public.api_keys set last_used_at = now() + interval '1 hour'`;
    await sql`set role service_role`;
    return [
      ...await measureRpc(stack, keys),
      ...await measureSql(sql, keys),
      ...await measureRoutes(stack, member, keys.plain),
    ].map((figure) => ({ ...figure, name: `${figure.name}, ${server.version}` }));
  } finally {
    await stack.stop();
    await sql.end();
  }
}

const CONSTANT = `
  create function public.bench_constant(hash text) returns jsonb
  language plpgsql set search_path = '' as $$
  begin
    return '{"valid": true, "code": "VALID", "scopes": ["pipelines:read"], "rate_limit": null}'::jsonb;
  end $$;
  grant execute on function public.bench_constant to service_role`;

type Keys = Record<"plain" | "limited", string>;

async function issueKey(stack: StackProcess, { token }: Member, limit: { rate_limit?: number }) {
  const authorization = `Bearer ${token}`;
  const body = { name: "bench", scopes: ["pipelines:read"], ...limit };
  const { key } = await send(`${stack.url}/functions/v1/keys`, { authorization }, body);
  assert.equal(typeof key, "string");
  return String(key);
}

/** By the Data API, as the functions check a key. */
async function measureRpc(stack: StackProcess, keys: Keys): Promise<Figure[]> {
  const call = (name: string, hash: string) => () =>
    send(`${stack.url}/rest/v1/rpc/${name}`, { apikey: stack.secretKey }, { hash });
  const [plain, limited] = await hashes(keys);
  assert.equal((await call("verify_api_key", plain)()).valid, true);
  const constant = call("bench_constant", plain);
  const check = await compare(constant, call("verify_api_key", plain), ROUNDS);
  const count = await compare(constant, call("verify_api_key", limited), ROUNDS);
  return [
    comparisonFigure("verify_api_key / a constant, by rpc", check, GOAL),
    comparisonFigure("the same with a rate limit", count),
  ];
}

/** In the database alone. */
async function measureSql(sql: postgres.Sql, keys: Keys): Promise<Figure[]> {
  const [plain, limited] = await hashes(keys);
  const constant = () => sql`select public.bench_constant(${plain})`;
  const check = await compare(constant, () => sql`select public.verify_api_key(${plain})`, ROUNDS);
  const count = await compare(
    constant,
    () => sql`select public.verify_api_key(${limited})`,
    ROUNDS,
  );
  return [
    comparisonFigure("verify_api_key / a constant, by SQL", check, undefined, 3),
    comparisonFigure("the same with a rate limit, by SQL", count, undefined, 3),
  ];
}

/** Calls of the functions, by HTTP. */
async function measureRoutes(
  { url, secretKey: apikey }: StackProcess,
  { token }: Member,
  key: string,
): Promise<Figure[]> {
  const functions = `${url}/functions/v1`;
  const get = (path: string, bearer?: string) => () =>
    send(`${functions}${path}`, bearer ? { authorization: `Bearer ${bearer}` } : {});
  const subjects: Record<string, Work> = {
    "POST /keys/verify": () => send(`${functions}/keys/verify`, { apikey }, { key }),
    "GET /pipelines/blocks, with a key": get("/pipelines/blocks?limit=1", key),
    "GET /pipelines/blocks, with a user's token": get("/pipelines/blocks?limit=1", token),
  };
  const figures: Figure[] = [];
  for (const [name, subject] of Object.entries(subjects)) {
    const comparison = await compare(get("/audit/health"), subject, ROUNDS);
    figures.push(comparisonFigure(`${name} / GET /audit/health`, comparison));
  }
  return figures;
}

async function hashes({ plain, limited }: Keys): Promise<[plain: string, limited: string]> {
  return [await hashKey(plain), await hashKey(limited)];
}

async function send(
  url: string,
  headers: Record<string, string>,
  body?: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    headers: { ...headers, "content-type": "application/json" },
    ...(body ? { method: "POST", body: JSON.stringify(body) } : {}),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${url}: ${JSON.stringify(answer)}`);
  return answer;
}
