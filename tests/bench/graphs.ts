import type postgres from "postgres";
import { insertBlocks, insertEdge, type Member } from "./seed.ts";

/** Numbers of two blocks, from 0 on: the second one waits for the first. */
export type Arrow = readonly [source: number, target: number];

/** Each block waits for the one before it. */
export const chainOf = (blocks: number): Arrow[] =>
  Array.from({ length: blocks - 1 }, (_, number) => [number, number + 1]);

/** All blocks wait for the first one. */
export const fanOf = (blocks: number): Arrow[] =>
  Array.from({ length: blocks - 1 }, (_, number) => [0, number + 1]);

/** An active pipeline of blocks that pass their input on, in a few statements; returns its id. */
export async function insertPipeline(
  sql: postgres.Sql,
  member: Member,
  { name, blocks, arrows }: { name: string; blocks: number; arrows: readonly Arrow[] },
): Promise<string> {
  const ids = await insertBlocks(sql, member, {
    name,
    type: "model",
    spec: { kind: "jsonata", expression: "input" },
    count: blocks,
  });
  const [pipeline] = await sql<{ id: string }[]>`
    insert into public.pipelines (organization_id, name, status, created_by)
    values (${member.organizationId}, ${name}, 'active', ${member.userId}) returning id`;
  const id = pipeline?.id ?? "";
  await sql`
    insert into public.pipeline_blocks (pipeline_id, block_id)
    select ${id}::uuid, block_id from unnest(${ids}::uuid[]) block_id`;
  if (arrows.length > 0) {
    const [sources, targets] = [arrows.map(([source]) => source), arrows.map(([, t]) => t)];
    await sql`
      insert into public.pipeline_edges (pipeline_id, edge_id, source_block_id, target_block_id)
      select ${id}::uuid, ${await insertEdge(sql, member, name)}::uuid,
        (${ids}::uuid[])[a.source + 1], (${ids}::uuid[])[a.target + 1]
      from unnest(${sources}::integer[], ${targets}::integer[]) a (source, target)`;
  }
  return id;
}
