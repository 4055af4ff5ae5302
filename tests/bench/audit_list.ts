import postgres from "postgres";
import { fillAuditLog } from "./audit_rows.ts";
import { sampleSearches, type Search } from "./audit_searches.ts";
import { compare, type Comparison, median, quantile } from "./measure.ts";
import { type Server, withServer } from "./postgres_server.ts";
import { decimals, type Figure, times } from "./report.ts";
import { type Member, signUp } from "./seed.ts";
import { type StackProcess, startStackProcess } from "./stack_process.ts";

const GOAL = 2;
const SMALL = 10_000;
const LARGE = 1_000_000;
const MONTHS = 12;
const PAGE = 50;
const ROUNDS = 5;
const TURNS = 20;

/** Pages of a long log against the same pages of a short one, with each filter alone. */
export async function measureAuditList(db?: string): Promise<Figure[]> {
  return await withServer(db, measureOn) ?? [];
}

async function measureOn(server: Server): Promise<Figure[]> {
  const short = await startLog(server, SMALL);
  try {
    const long = await startLog(server, LARGE);
    try {
      const figures: Figure[] = [];
      for (const [how, ask] of [["rpc", askRpc], ["route", askRoute]] as const) {
        for (const [name, search] of short.searches) {
          const other = long.searches.get(name) ?? search;
          const comparison = await compare(
            () => ask(short, search),
            () => ask(long, other),
            { rounds: ROUNDS, turns: TURNS },
          );
          figures.push(toFigure(`${how}, ${name}, ${server.version}`, comparison));
        }
      }
      return figures;
    } finally {
      await long.stop();
    }
  } finally {
    await short.stop();
  }
}

type Log = {
  stack: StackProcess;
  member: Member;
  searches: Map<string, Search>;
  stop(): Promise<void>;
};

/** A stack over a database of its own, whose log has so many rows of one organization. */
async function startLog(server: Server, rows: number): Promise<Log> {
  const url = new URL(server.url);
  const admin = postgres(server.url, { max: 1, onnotice: () => {} });
  url.pathname = `audit_list_${rows}`;
  await admin.unsafe(`create database ${url.pathname.slice(1)}`);
  await admin.end();
  const stack = await startStackProcess(url.href);
  const sql = postgres(url.href, { max: 1, onnotice: () => {} });
  try {
    // Its sealer would find a year's log to seal.
    await sql`delete from private.jobs`;
    const member = await signUp(stack);
    await fillAuditLog(sql, { ...member, rows, months: MONTHS });
    return {
      stack,
      member,
      searches: await sampleSearches(sql, member.organizationId),
      stop: () => stack.stop(),
    };
  } catch (error) {
    await stack.stop();
    throw error;
  } finally {
    await sql.end();
  }
}

/** A page as the function asks the Data API for it. */
async function askRpc(log: Log, search: Search): Promise<number> {
  const { filters, after } = search.next();
  const response = await fetch(`${log.stack.url}/rest/v1/rpc/search_audit_logs`, {
    method: "POST",
    headers: { ...headersOf(log), "content-type": "application/json" },
    body: JSON.stringify({
      organization_id: log.member.organizationId,
      filters: { ...filters, ...(after ? { after } : {}) },
      page_size: PAGE + 1,
    }),
  });
  const rows: unknown[] = await jsonOf(response);
  return rows.length;
}

/** The same page by the route, which logs that it was read. */
async function askRoute(log: Log, search: Search): Promise<number> {
  const { filters, cursor } = search.next();
  const query = new URLSearchParams({
    ...filters,
    ...(cursor ? { cursor } : {}),
    limit: String(PAGE),
  });
  const url = `${log.stack.url}/functions/v1/audit/logs?${query}`;
  const page: { data: unknown[] } = await jsonOf(await fetch(url, { headers: headersOf(log) }));
  return page.data.length;
}

const headersOf = ({ stack, member }: Log) => ({
  apikey: stack.publishableKey,
  authorization: `Bearer ${member.token}`,
});

async function jsonOf(response: Response) {
  const answer = await response.json();
  if (!response.ok) throw new Error(JSON.stringify(answer));
  return answer;
}

/** The ratio is that of the p95, the middle one of the rounds. */
function toFigure(name: string, { base, subject }: Comparison): Figure {
  const ratios = Array.from({ length: ROUNDS }, (_, round) => {
    const [from, to] = [round * TURNS, (round + 1) * TURNS];
    return quantile(subject.slice(from, to), 0.95) / quantile(base.slice(from, to), 0.95);
  });
  const spread = `rounds ${decimals(Math.min(...ratios), 2)} to ${
    decimals(Math.max(...ratios), 2)
  }`;
  return {
    name: `${name} (${spread})`,
    base: times(base),
    measured: times(subject),
    ratio: median(ratios),
    goal: GOAL,
  };
}
