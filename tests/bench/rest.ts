import assert from "node:assert/strict";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import type { Database } from "@shared/database.types.ts";
import { compare } from "./measure.ts";
import { withServer } from "./postgres_server.ts";
import { comparisonFigure, type Figure } from "./report.ts";
import { type StackProcess, startStackProcess } from "./stack_process.ts";

const GOAL = 1.15;
const BLOCKS = 50;
const SPEC = { kind: "inline", rows: [{ date: "2012-01-01", weather: "drizzle", temp_max: 12.8 }] };

type Client = SupabaseClient<Database>;

/** Lists and creates through the function against the same select and rpc without it. */
export async function measureRest(db?: string): Promise<Figure[]> {
  const figures = await measureOn("PGlite");
  const onServer = await withServer(db, (server) => measureOn(server.version, server.url));
  return [...figures, ...onServer ?? []];
}

async function measureOn(database: string, db?: string): Promise<Figure[]> {
  const stack = await startStackProcess(db);
  try {
    const figures: Figure[] = [];
    for (const header of [false, true]) {
      const { client, organizationId } = await signUp(stack);
      const headers = header ? { "x-organization-id": organizationId } : undefined;
      const which = `${database}, ${header ? "x-organization-id" : "only organization"}`;
      const list = await measureList(client, organizationId, headers);
      figures.push(comparisonFigure(`list 50 blocks, ${which}`, list, GOAL));
      const create = await measureCreate(client, organizationId, headers);
      figures.push(comparisonFigure(`create a block, ${which}`, create, GOAL));
    }
    return figures;
  } finally {
    await stack.stop();
  }
}

async function signUp({ url, publishableKey }: StackProcess) {
  const client: Client = createClient(url, publishableKey, {
    auth: { persistSession: false, autoRefreshToken: false },
  });
  const { error } = await client.auth.signUp({
    email: `${crypto.randomUUID()}@example.com`,
    password: crypto.randomUUID(),
  });
  if (error) throw error;
  const { data } = await client.from("organizations").select("id").single().throwOnError();
  return { client, organizationId: data.id };
}

async function measureList(
  client: Client,
  organizationId: string,
  headers?: Record<string, string>,
) {
  for (let count = 0; count < BLOCKS; count += 1) await createByRpc(client, organizationId);
  const bare = async () => {
    const { data } = await client.from("blocks")
      .select("*,current_version:block_versions!blocks_current_version_fkey(*)")
      .eq("organization_id", organizationId)
      .order("created_at", { ascending: false }).order("id", { ascending: false })
      .limit(BLOCKS).throwOnError();
    return data;
  };
  const path = `pipelines/blocks?limit=${BLOCKS}`;
  const ours = async () => (await invoke(client, path, { method: "GET", headers })).data;
  assert.deepEqual(await ours(), await bare(), "The two lists differ");
  return await compare(bare, ours, { rounds: 7, turns: 40 });
}

async function measureCreate(
  client: Client,
  organizationId: string,
  headers?: Record<string, string>,
) {
  const body = () => ({ name: crypto.randomUUID(), block_type: "dataset", spec: SPEC });
  const ours = () => invoke(client, "pipelines/blocks", { method: "POST", headers, body: body() });
  return await compare(() => createByRpc(client, organizationId), ours, { rounds: 7, turns: 40 });
}

async function createByRpc(client: Client, organization_id: string): Promise<void> {
  await client.rpc("create_block", {
    name: crypto.randomUUID(),
    block_type: "dataset",
    spec: SPEC,
    organization_id,
  }).throwOnError();
}

type Call = {
  method: "GET" | "POST";
  headers?: Record<string, string>;
  body?: Record<string, unknown>;
};

async function invoke(client: Client, path: string, call: Call) {
  const { data, error } = await client.functions.invoke(path, { ...call });
  if (error) throw error;
  return data;
}
