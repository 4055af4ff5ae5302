import postgres from "postgres";
import { startStack } from "../../supabase/local/stack.ts";
import {
  AUDITED,
  createTables,
  LEAST,
  type Operation,
  OPERATIONS,
  PLAIN,
  statementOf,
} from "./audit_tables.ts";
import { median } from "./measure.ts";
import { type Server, withServer } from "./postgres_server.ts";
import { decimals, type Figure } from "./report.ts";
import { type Member, signUp } from "./seed.ts";

const GOAL = 0.75;
const CLIENTS = [1, 4, 16];
const ROUNDS = 7;
/** Statements of a round, an operation and a table; together enough to outlast a client's hiccup. */
const STATEMENTS = 1_600;

/** Writes to a table with the audit trigger against the same writes to the same table without. */
export async function measureAuditTrigger(db?: string): Promise<Figure[]> {
  return await withServer(db, measureOn) ?? [];
}

async function measureOn(server: Server): Promise<Figure[]> {
  const stack = await startStack({ db: server.url, scheduler: false });
  const admin = postgres(server.url, { max: 1, onnotice: () => {} });
  try {
    const member = await signUp(stack);
    await createTables(admin, member);
    const figures: Figure[] = [];
    for (const commit of ["on", "off"] as const) {
      for (const clients of CLIENTS) {
        const rounds = await withWriters(server, member, { clients, commit }, compareTables);
        figures.push(...toFigures(rounds, { server, clients, commit }));
      }
    }
    const most = Math.max(...CLIENTS);
    figures.push(
      await withWriters(
        server,
        member,
        { clients: most, commit: "on" },
        (writers) => watchLocks(admin, member, writers),
      ),
    );
    return figures;
  } finally {
    await admin.end();
    await stack.stop();
  }
}

type Writers = { sessions: postgres.Sql[]; member: Member };

/** Connects clients that write as a user, each in transactions of a statement. */
async function withWriters<T>(
  { url }: Server,
  member: Member,
  { clients, commit }: { clients: number; commit: "on" | "off" },
  work: (writers: Writers) => Promise<T>,
): Promise<T> {
  const connection = {
    role: "authenticated",
    synchronous_commit: commit,
    // As PostgREST sets them for a request of a function's.
    "request.jwt.claims": JSON.stringify({ sub: member.userId, role: "authenticated" }),
    "request.headers": JSON.stringify({
      "user-agent": "bench/1.0",
      "x-forwarded-for": "203.0.113.7",
      "x-request-id": crypto.randomUUID(),
    }),
  };
  const sessions = Array.from({ length: clients }, () => postgres(url, { max: 1, connection }));
  try {
    return await work({ sessions, member });
  } finally {
    await Promise.all(sessions.map((sql) => sql.end()));
  }
}

type Rates = Record<Operation, number>;

/** Statements a second of each operation; the rows that come are the rows that go. */
async function write({ sessions, member }: Writers, table: string): Promise<Rates> {
  const ids = Array.from({ length: STATEMENTS }, () => crypto.randomUUID());
  const rates: Rates = { insert: 0, update: 0, delete: 0 };
  for (const operation of OPERATIONS) {
    const { text, parameters } = statementOf(operation, table, member);
    const queue = ids.values();
    const started = performance.now();
    await Promise.all(sessions.map(async (sql) => {
      for (const id of queue) await sql.unsafe(text, parameters(id), { prepare: true });
    }));
    rates[operation] = STATEMENTS / ((performance.now() - started) / 1000);
  }
  return rates;
}

type Rounds = { plain: Rates; audited: Rates; least: Rates }[];

/** Lets the tables take turns, after a round that does not count. */
async function compareTables(writers: Writers): Promise<Rounds> {
  const rounds: Rounds = [];
  for (let round = -1; round < ROUNDS; round += 1) {
    // What comes first in a round comes last in the next.
    const early = round % 2 === 0 ? await write(writers, PLAIN) : null;
    const audited = await write(writers, AUDITED);
    const least = await write(writers, LEAST);
    const plain = early ?? await write(writers, PLAIN);
    if (round >= 0) rounds.push({ plain, audited, least });
  }
  return rounds;
}

type Case = { server: Server; clients: number; commit: "on" | "off" };

function toFigures(rounds: Rounds, { server, clients, commit }: Case): Figure[] {
  const where = `${clients} client(s), ${server.version}` +
    (commit === "on" ? "" : ", synchronous_commit=off");
  return OPERATIONS.flatMap((operation) => {
    const figure = (what: string, table: "audited" | "least"): Figure => {
      const ratios = rounds.map((rates) => rates[table][operation] / rates.plain[operation]);
      const rate = (of: keyof Rounds[number]) =>
        `${decimals(median(rounds.map((rates) => rates[of][operation])), 0)} statements/s`;
      const [low, high] = [Math.min(...ratios), Math.max(...ratios)];
      return {
        name: `${operation}, ${what}, ${where} (rounds ${decimals(low, 2)} to ${
          decimals(high, 2)
        })`,
        base: rate("plain"),
        measured: rate(table),
        ratio: median(ratios),
      };
    };
    const audited = figure("audited", "audited");
    return [
      commit === "on" ? { ...audited, atLeast: GOAL } : audited,
      figure("an unindexed row instead", "least"),
    ];
  });
}

/**
 * What writers of one organization wait for, while another of its writers leaves a transaction open: a
 * lock that they shared would keep them all until it ends.
 */
async function watchLocks(
  admin: postgres.Sql,
  member: Member,
  writers: Writers,
): Promise<Figure> {
  const waits = new Map<string, number>();
  let samples = 0;
  const { text, parameters } = statementOf("insert", AUDITED, member);
  await admin.begin(async (open) => {
    await open.unsafe(text, parameters(crypto.randomUUID()));
    let isWriting = true;
    const writing = write(writers, AUDITED).finally(() => isWriting = false);
    while (isWriting) {
      const rows = await open<{ wait_event: string; count: number }[]>`
        select wait_event, count(*)::integer as count from pg_stat_activity
        where wait_event_type = 'Lock' group by wait_event`;
      for (const { wait_event, count } of rows) {
        waits.set(wait_event, (waits.get(wait_event) ?? 0) + count);
      }
      samples += 1;
    }
    await writing;
  });
  const { extend = 0, ...others } = Object.fromEntries(waits);
  const held = Object.entries(others).map(([event, count]) => `${event} ${count}`);
  return {
    name: `waits for locks of ${writers.sessions.length} audited writers of one organization, ` +
      `beside an open transaction of another`,
    measured: `${held.join(", ") || "none"} in ${samples} samples (for a file to grow: ${extend})`,
  };
}
