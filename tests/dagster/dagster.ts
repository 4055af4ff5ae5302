import { REPOSITORY } from "../../supabase/local/paths.ts";
import { type Child, start } from "../checks/command.ts";
import type { Body } from "../harness/answer.ts";
import { waitFor } from "../harness/wait.ts";

const WORKSPACE = `${REPOSITORY}/supabase/dagster/workspace.yaml`;

/** A queue that is looked at each second. */
const QUICK = `
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config:
    dequeue_interval_seconds: 1
`;

/** A Dagster as its users run it: webserver and daemon, on SQLite in a folder of its own. */
export class Dagster {
  readonly url: string;
  #webserver: Child | undefined;
  #daemon: Child | undefined;

  private constructor(
    private readonly programs: string,
    private readonly home: string,
    private readonly env: Record<string, string>,
    private readonly port: number,
  ) {
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(programs: string, env: Record<string, string>): Promise<Dagster> {
    const home = await Deno.makeTempDir({ prefix: "edgeloom_dagster_" });
    const settings = await Deno.readTextFile(`${REPOSITORY}/supabase/dagster/dagster.yaml`);
    await Deno.writeTextFile(`${home}/dagster.yaml`, settings + QUICK);
    const dagster = new Dagster(programs, home, env, freePort());
    await dagster.up();
    dagster.#daemon = dagster.#run("dagster-daemon", ["run", "-w", WORKSPACE]);
    return dagster;
  }

  /** Starts the webserver and waits until it answers. */
  async up(): Promise<void> {
    const args = ["-h", "127.0.0.1", "-p", String(this.port), "-w", WORKSPACE];
    this.#webserver = this.#run("dagster-webserver", args);
    await waitFor(() => this.ask("{ version }").then(() => true, () => false), {
      timeout: 90_000,
      what: "Dagster's webserver",
    });
  }

  /** Kills the webserver. */
  async down(): Promise<void> {
    await this.#webserver?.[Symbol.asyncDispose]();
  }

  async stop(): Promise<void> {
    await Promise.all([this.down(), this.#daemon?.[Symbol.asyncDispose]()]);
    await Deno.remove(this.home, { recursive: true });
  }

  /** A GraphQL operation, past Edgeloom. */
  async ask(query: string, variables: Record<string, unknown> = {}): Promise<Body> {
    const response = await fetch(`${this.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = await response.json();
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  }

  /** Dagster's runs of one of ours, by its tag. */
  async runsOf(runId: string): Promise<Body[]> {
    const query = `query ($filter: RunsFilter!) { runsOrError(filter: $filter) {
      ... on Runs { results { runId status parentRunId stepKeysToExecute } } } }`;
    const filter = { tags: [{ key: "edgeloom/run_id", value: runId }] };
    return (await this.ask(query, { filter })).runsOrError.results;
  }

  /** What a run failed with, once it has. */
  failureOf(externalId: string): Promise<string> {
    const query = `query ($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
      ... on ExecutionStepFailureEvent { error { message causes { message } } } } } } }`;
    return waitFor(async () => {
      const { events } = (await this.ask(query, { id: externalId })).logsForRun;
      const failure = events.find(({ error }: Body) => error);
      return failure && JSON.stringify(failure);
    }, { timeout: 90_000, what: `the failure of ${externalId}` });
  }

  #run(program: string, args: string[]): Child {
    const env = { ...this.env, DAGSTER_HOME: this.home };
    const child = start(`${this.programs}/${program}`, args, { env, cwd: this.home });
    // Read to its end, or the program would stop at a full pipe.
    void keep(child.process.stdout, `${this.home}/${program}.log`);
    void keep(child.process.stderr, `${this.home}/${program}.errors.log`);
    return child;
  }
}

async function keep(stream: ReadableStream<Uint8Array>, path: string): Promise<void> {
  const options = { create: true, append: true };
  for await (const chunk of stream) await Deno.writeFile(path, chunk, options).catch(() => {});
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
