import { parseArgs } from "node:util";
import { type Figure, markdownTable } from "./report.ts";

/** Measures on what the stack itself runs, or on the PostgreSQL server of `db`. */
type Benchmark = (db?: string) => Promise<Figure[]>;

const BENCHMARKS: Record<string, () => Promise<Benchmark>> = {
  rest: async () => (await import("./rest.ts")).measureRest,
  import: async () => (await import("./import.ts")).measureImports,
  worker: async () => (await import("./worker.ts")).measureWorker,
  engine: async () => (await import("./engine.ts")).measureEngine,
  proof: async () => (await import("./proof.ts")).measureProof,
  export: async () => (await import("./export.ts")).measureExport,
  rivals: async () => (await import("./rivals.ts")).measureRivals,
  keys: async () => (await import("./keys.ts")).measureKeys,
  audit_trigger: async () => (await import("./audit_trigger.ts")).measureAuditTrigger,
  audit_list: async () => (await import("./audit_list.ts")).measureAuditList,
  llm: async () => (await import("./llm.ts")).measureLlm,
  gateways: async () => (await import("./llm_gateways.ts")).measureGateways,
  chunks: async () => (await import("./llm_chunks.ts")).measureChunks,
};

const USAGE = `npm run bench -- [${Object.keys(BENCHMARKS).join("|")}]… [--db postgresql://…]
  Without a name all benchmarks run. --db names the PostgreSQL server to measure on, in place of a
  temporary one; its database should be empty.`;

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: { db: { type: "string" }, help: { type: "boolean" } },
});
const names = positionals.length > 0 ? positionals : Object.keys(BENCHMARKS);
const unknown = names.filter((name) => !(name in BENCHMARKS));
if (values.help || unknown.length > 0) {
  for (const name of unknown) console.error(`There is no benchmark ${name}.`);
  console.log(USAGE);
  Deno.exit(unknown.length > 0 ? 1 : 0);
}

const figures: Figure[] = [];
for (const name of names) {
  const benchmark = await BENCHMARKS[name]?.();
  const found = await benchmark?.(values.db) ?? [];
  if (found.length > 0) console.log(`\n${name}\n${markdownTable(found)}`);
  figures.push(...found);
}
if (names.length > 1) console.log(`\n${markdownTable(figures)}`);
