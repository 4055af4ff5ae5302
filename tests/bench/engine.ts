import type postgres from "postgres";
import { startStack } from "../../supabase/local/stack.ts";
import { createEngineQueue } from "./engine_queue.ts";
import { median } from "./measure.ts";
import { createPgmqQueue } from "./pgmq_queue.ts";
import { type Server, withServer } from "./postgres_server.ts";
import { drain, openSession, type Queue } from "./queue.ts";
import { decimals, type Figure } from "./report.ts";
import { signUp } from "./seed.ts";

const ROUNDS = 7;
/** Steps, and messages, that a case takes in a round. */
const TURN = 4_000;
const QUEUES = [1_000, 50_000, 300_000];
/** Beside the usual case: chains of two steps, and other batches and numbers of clients. */
const CASES: readonly Case[] = [
  { queue: 50_000, batch: 200, clients: 2, chain: 2 },
  { queue: 50_000, batch: 1, clients: 2, chain: 1 },
  { queue: 50_000, batch: 32, clients: 2, chain: 1 },
  { queue: 50_000, batch: 500, clients: 2, chain: 1 },
  { queue: 50_000, batch: 200, clients: 1, chain: 1 },
  { queue: 50_000, batch: 200, clients: 4, chain: 1 },
];
const STEPS_PER_SECOND = 10_000;
const PGMQ_RATIO = 3;
/** Of the rate on the shortest queue, at the least on the longest one. */
const FLATNESS = 0.8;

type Kind = { queue: number; chain: number };
type Case = Kind & { batch: number; clients: number };
/** Entries a second, round by round. */
type Rates = { ours: number[]; pgmq: number[] };

/**
 * claim_steps and finish_steps on a PostgreSQL server, beside a bare queue of the same length on the
 * same server. Queues of all lengths take turns, each in a database of its own.
 */
export async function measureEngine(db?: string): Promise<Figure[]> {
  return await withServer(db, measureOn) ?? [];
}

async function measureOn(server: Server): Promise<Figure[]> {
  const databases: Database[] = [];
  try {
    const usual = QUEUES.map((queue): Case => ({ queue, batch: 200, clients: 2, chain: 1 }));
    for (const one of [...usual, ...CASES]) {
      if (!databases.some((database) => database.serves(one))) {
        databases.push(await Database.create(server, one));
      }
    }
    const rates = await takeTurns(databases, usual);
    const more = await takeTurns(databases, CASES);
    const figures = [...rates, ...more].flatMap(([one, rate]) => toFigures(server, one, rate));
    return [...figures, flatness(rates)];
  } finally {
    for (const database of databases) await database.drop();
  }
}

async function takeTurns(databases: Database[], cases: readonly Case[]): Promise<[Case, Rates][]> {
  const all = cases.map((one): [Case, Rates] => [one, { ours: [], pgmq: [] }]);
  // The first round does not count: sessions, plans and caches are new.
  for (let round = -1; round < ROUNDS; round += 1) {
    for (const [one, rates] of all) {
      const database = databases.find((database) => database.serves(one));
      const found = await database?.turn(one);
      if (!found || round < 0) continue;
      rates.ours.push(found.ours);
      rates.pgmq.push(found.pgmq);
    }
  }
  return all;
}

/** A migrated database with a queue of the engine's and a bare one, as long as each other. */
class Database {
  private constructor(
    private readonly kind: Kind,
    private readonly name: string,
    private readonly root: postgres.Sql,
    private readonly admin: postgres.Sql,
    private readonly clients: postgres.Sql[],
    private readonly queues: { ours: Queue; bare: Queue },
  ) {}

  static async create(server: Server, { queue, chain }: Kind): Promise<Database> {
    const name = `edgeloom_bench_${queue}_${chain}`;
    const root = openSession(server.url);
    await root.unsafe(`create database ${name}`);
    const url = new URL(server.url);
    url.pathname = name;
    const stack = await startStack({ db: url.href, scheduler: false });
    const member = await signUp(stack).finally(() => stack.stop());
    const admin = openSession(url.href);
    const clients = Array.from({ length: 4 }, () => openSession(url.href));
    const queues = {
      ours: await createEngineQueue(admin, member, chain),
      bare: await createPgmqQueue(admin),
    };
    // What the functions call it with; on the server itself nothing else is checked.
    for (const client of clients) await client`set role service_role`;
    return new Database({ queue, chain }, name, root, admin, clients, queues);
  }

  serves({ queue, chain }: Kind): boolean {
    return queue === this.kind.queue && chain === this.kind.chain;
  }

  /** Both queues, one after the other, filled before they are timed. */
  async turn({ queue, batch, clients }: Case): Promise<{ ours: number; pgmq: number }> {
    // One at a time is slow, and a short turn tells as much.
    const turn = { batch, count: Math.min(TURN, batch * 400) };
    const sessions = this.clients.slice(0, clients);
    await this.queues.ours.fill(queue + turn.count);
    await this.queues.bare.fill(queue + turn.count);
    // As autovacuum does in time; what it has not come to yet would be measured in its place.
    await this.admin`vacuum analyze public.run_steps, bench_pgmq.q`;
    const ours = await drain(this.queues.ours, sessions, turn);
    const pgmq = await drain(this.queues.bare, sessions, turn);
    return { ours, pgmq };
  }

  async drop(): Promise<void> {
    await Promise.all([this.admin, ...this.clients].map((sql) => sql.end()));
    await this.root.unsafe(`drop database ${this.name}`);
    await this.root.end();
  }
}

function toFigures({ version }: Server, one: Case, { ours, pgmq }: Rates): Figure[] {
  const { queue, batch, clients, chain } = one;
  const name = `engine, ${version}, ${queue} queued, batches of ${batch}, ${clients} client(s)` +
    (chain > 1 ? `, chains of ${chain}` : "");
  const measured = `${decimals(median(ours), 0)} steps/s`;
  const beside: Figure = {
    name: `${name}; time a step beside a bare queue's`,
    base: `${decimals(median(pgmq), 0)} messages/s`,
    measured,
    ratio: median(pgmq.map((rate, round) => rate / (ours[round] ?? NaN))),
    goal: PGMQ_RATIO,
  };
  const rate = { name, measured, ratio: median(ours) / STEPS_PER_SECOND, atLeast: 1 };
  return batch === 200 && clients === 2 && chain === 1 ? [rate, beside] : [beside];
}

function flatness(rates: [Case, Rates][]): Figure {
  const [shortest, longest] = [rates.at(0), rates.at(-1)].map((found) => found?.[1].ours ?? []);
  return {
    name: `engine, rate with ${QUEUES.at(-1)} queued through that with ${QUEUES.at(0)}`,
    measured: `${decimals(median(longest ?? []), 0)} steps/s`,
    base: `${decimals(median(shortest ?? []), 0)} steps/s`,
    ratio: median((longest ?? []).map((rate, round) => rate / (shortest?.[round] ?? NaN))),
    atLeast: FLATNESS,
  };
}
