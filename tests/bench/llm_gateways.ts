import { type ChatTarget, timeWhole } from "./llm_client.ts";
import { measureParts } from "./llm_parts.ts";
import type { Program } from "./llm_programs.ts";
import { type Rival, startLiteLlm, startPortkey } from "./llm_rivals.ts";
import { directTarget, LlmSetting, withUpstream } from "./llm_setting.ts";
import type { Shape } from "./llm_shape.ts";
import { median, quantile } from "./measure.ts";
import { withServer } from "./postgres_server.ts";
import { decimals, type Figure } from "./report.ts";

/** The upstream takes no time: what is left is what lies between. */
const SHAPE: Shape = { firstByteMs: 0, chunks: 20, gapMs: 0 };
const CLIENTS = [1, 16, 64];
const ROUNDS = 3;
const TURN_MS = 2_000;

/** Where chats are sent: by each client to a target of its own. */
type Subject = { name: string; target(client: number): ChatTarget };
type Load = { perSecond: number; p50: number; p95: number };

/** Requests a second and what is added to each, beside the gateways that others have made. */
export function measureGateways(db?: string): Promise<Figure[]> {
  return withUpstream(async (upstream) => {
    const rivals: Rival[] = [];
    try {
      rivals.push(await startPortkey(upstream, SHAPE));
      rivals.push(await startLiteLlm(upstream, SHAPE));
      return await LlmSetting.with(upstream, undefined, async (setting) => {
        const local = await subjectsOf(setting, "PGlite");
        const others = [directly(upstream), ...rivals.map(subjectOf)];
        const figures = await withServer(db, ({ url, version }) =>
          LlmSetting.with(upstream, url, async (onServer) =>
            await takeTurns([...others, ...local, ...await subjectsOf(onServer, version)]))) ??
          await takeTurns([...others, ...local]);
        return [...figures, ...await measureParts(setting, "ask", SHAPE)];
      });
    } finally {
      await Promise.all(rivals.map((rival) => rival.stop()));
    }
  });
}

const subjectOf = ({ name, target }: Rival): Subject => ({ name, target: () => target });

function directly(upstream: Program): Subject {
  const target = directTarget(upstream.url, SHAPE, false);
  return { name: "the upstream itself", target: () => target };
}

/** Ours checks a key and holds and settles budgets; the second one keeps the turn, too. */
async function subjectsOf(setting: LlmSetting, database: string): Promise<Subject[]> {
  const plain = setting.target("v1", SHAPE, { stream: false });
  const kept: ChatTarget[] = [];
  for (let client = 0; client < Math.max(...CLIENTS); client += 1) {
    const conversation = await setting.startConversation();
    kept.push(setting.target("ask", SHAPE, { stream: false, conversation }));
  }
  return [
    { name: `ours, ${database}: key and budgets`, target: () => plain },
    { name: `ours, ${database}: and the turn kept`, target: (client) => kept[client] ?? plain },
  ];
}

async function takeTurns(subjects: Subject[]): Promise<Figure[]> {
  const loads = new Map<string, Load[]>();
  for (const clients of CLIENTS) {
    for (let round = -1; round < ROUNDS; round += 1) {
      for (const subject of subjects) {
        const found = await load(subject, clients);
        if (round >= 0) {
          const name = nameOf(subject, clients);
          loads.set(name, [...loads.get(name) ?? [], found]);
        }
      }
    }
  }
  const [base] = subjects;
  return CLIENTS.flatMap((clients) =>
    subjects.map((subject): Figure => {
      const own = loads.get(nameOf(subject, clients)) ?? [];
      const direct = base ? loads.get(nameOf(base, clients)) ?? [] : [];
      const added = (of: "p50" | "p95") =>
        decimals(median(own.map((load) => load[of])) - median(direct.map((load) => load[of])));
      const rate = (found: Load[]) => median(found.map(({ perSecond }) => perSecond));
      return {
        name: nameOf(subject, clients),
        base: `${decimals(rate(direct), 0)}/s`,
        measured: `${decimals(rate(own), 0)}/s, added p50 ${added("p50")} ms, p95 ${
          added("p95")
        } ms`,
      };
    })
  );
}

const nameOf = ({ name }: Subject, clients: number) => `${clients} client(s), ${name}`;

/** Lets each client ask again and again for a while. */
async function load({ target }: Subject, clients: number): Promise<Load> {
  const took: number[] = [];
  const started = performance.now();
  await Promise.all(Array.from({ length: clients }, async (_, client) => {
    const own = target(client);
    while (performance.now() - started < TURN_MS) took.push(await timeWhole(own));
  }));
  const seconds = (performance.now() - started) / 1_000;
  return { perSecond: took.length / seconds, p50: median(took), p95: quantile(took, 0.95) };
}
