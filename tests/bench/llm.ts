import { readStream, type StreamTimes } from "./llm_client.ts";
import { measureParts } from "./llm_parts.ts";
import type { Program } from "./llm_programs.ts";
import { directTarget, LlmSetting, ROUTES, withUpstream } from "./llm_setting.ts";
import type { Shape } from "./llm_shape.ts";
import { type Comparison, comparisonOf, median, quantile, takeTurns } from "./measure.ts";
import { withServer } from "./postgres_server.ts";
import { comparisonFigure, decimals, type Figure, times } from "./report.ts";

const GOAL = 1.1;
const PLAN = { rounds: 5, turns: 8 };
/** As models are: 200 ms until the first part, then one a few milliseconds. */
const SHAPE: Shape = { firstByteMs: 200, chunks: 40, gapMs: 5 };

/** Answers that are streamed through the assistant against the same ones from the upstream itself. */
export async function measureLlm(db?: string): Promise<Figure[]> {
  return await withUpstream(async (upstream) => {
    const figures = await measureOn(upstream, "PGlite");
    const onServer = await withServer(
      db,
      (server) => measureOn(upstream, server.version, server.url),
    );
    return [...figures, ...onServer ?? []];
  });
}

function measureOn(upstream: Program, database: string, db?: string): Promise<Figure[]> {
  return LlmSetting.with(upstream, db, async (setting) => {
    const figures: Figure[] = [];
    const direct = directTarget(upstream.url, SHAPE);
    for (const route of ROUTES) {
      const target = setting.target(route, SHAPE);
      const rounds = await takeTurns(() => readStream(direct), () => readStream(target), PLAN);
      const by = (of: (times: StreamTimes) => number) => comparisonOf(rounds, of);
      const first = by(({ firstMs }) => firstMs);
      const name = `${route}, ${database}`;
      figures.push(
        comparisonFigure(`first chunk, ${name}`, first, GOAL),
        { name: `added to the first chunk, ${name}`, measured: added(first) },
        comparisonFigure(`full stream, ${name}`, by(({ wholeMs }) => wholeMs)),
        {
          name: `from the sending of a chunk to its arrival, ${name}`,
          base: times(rounds.flatMap(({ base }) => base.flatMap(({ lagMs }) => lagMs)), 2),
          measured: times(
            rounds.flatMap(({ subject }) => subject.flatMap(({ lagMs }) => lagMs)),
            2,
          ),
        },
        ...await measureParts(setting, route, SHAPE),
      );
    }
    return figures;
  });
}

function added({ base, subject }: Comparison): string {
  const p50 = decimals(median(subject) - median(base));
  return `p50 ${p50} ms, p95 ${decimals(quantile(subject, 0.95) - quantile(base, 0.95))} ms`;
}
