import { readStream } from "./llm_client.ts";
import { type Program, startDeno } from "./llm_programs.ts";
import { directTarget, LlmSetting, ROUTES, withUpstream } from "./llm_setting.ts";
import type { Shape } from "./llm_shape.ts";
import { median } from "./measure.ts";
import { cpuMs, threadCpuMs } from "./process_usage.ts";
import { decimals, type Figure } from "./report.ts";

/** A long answer, whose parts come too far apart to be read together. */
const SHAPE: Shape = { firstByteMs: 0, chunks: 4_000, gapMs: 1 };
const ROUNDS = 3;
/** A tenth of what the platform gives a request. */
const GOAL_MS = 200;
const IDLE_MS = 2_000;

/** A process that passes answers on. */
type Subject = { name: string; pid: number; read(): ReturnType<typeof readStream> };
/** CPU of one answer, in ms: of the whole process, and of the thread that the platform counts. */
type Usage = { process: number; thread: number; reads: number };

/** Processor time of the function for a streamed answer of 4,000 chunks. */
export function measureChunks(): Promise<Figure[]> {
  return withUpstream((upstream) =>
    LlmSetting.with(upstream, undefined, async (setting) => {
      const programs: Program[] = [];
      try {
        const start = async (file: string, name: string): Promise<Subject> => {
          const program = await startDeno(file, upstream.url);
          programs.push(program);
          const target = directTarget(program.url, SHAPE);
          return { name, pid: program.pid, read: () => readStream(target) };
        };
        const subjects = [
          await start("llm_pass_on.ts", "passed on by the runtime, unread"),
          await start("llm_read_on.ts", "passed on by a script that reads it"),
          ...ROUTES.map((route): Subject => {
            const target = setting.target(route, SHAPE);
            return { name: route, pid: setting.assistant.pid, read: () => readStream(target) };
          }),
        ];
        return await takeTurns(subjects);
      } finally {
        await Promise.all(programs.map((program) => program.stop()));
      }
    })
  );
}

async function takeTurns(subjects: Subject[]): Promise<Figure[]> {
  const usages = new Map(subjects.map((subject) => [subject, new Array<Usage>()]));
  const first = new Map<Subject, Usage>();
  for (let round = -1; round < ROUNDS; round += 1) {
    for (const subject of subjects) {
      const usage = await measure(subject);
      if (round < 0) first.set(subject, usage);
      else usages.get(subject)?.push(usage);
    }
  }
  const [base = []] = usages.values();
  const middle = (found: Usage[], of: keyof Usage) => median(found.map((usage) => usage[of]));
  return [...usages].map(([subject, found]): Figure => {
    const all = found.map((usage) => usage.thread);
    const spread = `${decimals(Math.min(...all), 0)} to ${decimals(Math.max(...all), 0)}`;
    return {
      name: `CPU for 4,000 chunks, ${subject.name} (rounds ${spread} ms, ` +
        `the first answer ${decimals(first.get(subject)?.thread ?? NaN, 0)} ms, ` +
        `${decimals(middle(found, "reads"), 0)} reads)`,
      base: `${decimals(middle(base, "thread"), 0)} ms`,
      measured: `${decimals(middle(found, "thread"), 0)} ms, ` +
        `${decimals(middle(found, "process"), 0)} ms with the process's other threads`,
      ratio: middle(found, "thread") / GOAL_MS,
      goal: 1,
    };
  });
}

/** CPU of one answer, less what the process uses when nothing is asked of it. */
async function measure({ pid, read }: Subject): Promise<Usage> {
  const idle = await timeCpu(pid, () => new Promise((resolve) => setTimeout(resolve, IDLE_MS)));
  let reads = 0;
  const busy = await timeCpu(pid, async () => {
    reads = (await read()).reads;
  });
  const less = (of: "process" | "thread") => busy[of] - idle[of] * busy.ms / idle.ms;
  return { process: less("process"), thread: less("thread"), reads };
}

async function timeCpu(pid: number, work: () => Promise<unknown>) {
  const before = { process: await cpuMs(pid), thread: await threadCpuMs(pid) };
  const started = performance.now();
  await work();
  return {
    ms: performance.now() - started,
    process: await cpuMs(pid) - before.process,
    thread: await threadCpuMs(pid) - before.thread,
  };
}
