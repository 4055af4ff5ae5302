import { drain, install, runIn, type Runtime } from "../../supabase/local/edge_runtime.ts";
import { readVerifyJwt } from "../../supabase/local/function_config.ts";
import { Functions } from "../../supabase/local/functions.ts";
import { type HttpServer, listenHttp } from "../../supabase/local/http.ts";
import { REPOSITORY } from "../../supabase/local/paths.ts";
import type { Answer } from "./answer.ts";
import { type Options, readAnswer } from "./client.ts";
import { checkAnswer } from "./contract.ts";
import { stack, type TestStack } from "./stack.ts";

/** Who sends a request: a user in an organization. */
type Sender = { token: string; organizationId: string };

/**
 * The functions once more, over a stack's database, with an environment of their own that a test
 * changes while they run: what an administrator does with `supabase secrets set`.
 */
export class OwnFunctions {
  /** Called before each request of the functions to the Data API: the moment for a race. */
  before: (request: Request) => Promise<void> | void = () => {};
  readonly #server: HttpServer = listenHttp(0);
  readonly #variables: Map<string, string>;
  readonly #runtime: Runtime;

  private constructor(readonly project: TestStack) {
    this.#variables = new Map([
      ["SUPABASE_URL", this.url],
      ["SUPABASE_PUBLISHABLE_KEYS", JSON.stringify({ default: project.publishableKey })],
      ["SUPABASE_SECRET_KEYS", JSON.stringify({ default: project.secretKey })],
      ["SUPABASE_JWT_SECRET", project.jwtSecret],
      ["EDGELOOM_JWT_KEY", project.jwtSecret],
      ["EDGELOOM_LOG", "off"],
      // Any worker may claim a step of any test.
      ["OPENAI_API_KEY", "demo"],
      ["OPENAI_BASE_URL", `${project.url}/demo-model/v1`],
      ["EDGELOOM_ALLOW_PRIVATE_NETWORK", ""],
      ["EDGELOOM_ENCRYPTION_KEYS", keyRing(1)],
    ]);
    this.#runtime = { variables: this.#variables, tasks: new Set() };
    install(this.#runtime);
  }

  /** Runs a test with functions that have ended afterwards. */
  static async with(
    variables: Record<string, string>,
    test: (functions: OwnFunctions) => Promise<void>,
    project: TestStack = stack,
  ): Promise<void> {
    const functions = new OwnFunctions(project);
    functions.set(variables);
    const host = new Functions({
      folder: `${REPOSITORY}/supabase/functions`,
      jwtSecret: project.jwtSecret,
      runtime: functions.#runtime,
      verifyJwt: await readVerifyJwt(`${REPOSITORY}/supabase/config.toml`),
    });
    functions.#server.answer((request, info) =>
      new URL(request.url).pathname.startsWith("/functions/")
        ? host.fetch(request, info)
        : functions.#forward(request)
    );
    try {
      await test(functions);
    } finally {
      host.close();
      await functions.settled();
      await functions.#server.stop();
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  /** Changes the environment, from the next look at it on. */
  set(variables: Record<string, string>): void {
    for (const [name, value] of Object.entries(variables)) this.#variables.set(name, value);
  }

  /** What goes on in the background has ended. */
  settled(): Promise<boolean> {
    return drain(this.#runtime.tasks, 10_000);
  }

  /** Runs work in the functions' environment. */
  run<T>(work: () => T): T {
    return runIn(this.#runtime, work);
  }

  /** As {@link call}, to these functions. */
  async call(method: string, path: string, options: Options = {}): Promise<Answer> {
    const { token, apikey = this.project.publishableKey, body, rawBody, headers } = options;
    const response = await fetch(`${this.url}/functions/v1${path}`, {
      method,
      headers: {
        ...(apikey ? { apikey } : {}),
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        "content-type": "application/json",
        ...headers,
      },
      body: rawBody ?? (body === undefined ? undefined : JSON.stringify(body)),
    });
    const answer = await readAnswer(response);
    await checkAnswer(method, path.split("?")[0] ?? path, answer);
    return answer;
  }

  /** A call of a user. */
  send(
    { token, organizationId }: Sender,
    method: string,
    path: string,
    body?: unknown,
    more: Record<string, string> = {},
  ) {
    const headers = { "x-organization-id": organizationId, ...more };
    return this.call(method, path, { token, body, headers });
  }

  async #forward(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const { method, headers } = request;
    const body = request.body ? await request.arrayBuffer() : undefined;
    await this.before(request);
    return await fetch(`${this.project.url}${pathname}${search}`, { method, headers, body });
  }
}

const keys = new Map<number, string>();

/** EDGELOOM_ENCRYPTION_KEYS with these versions; a version has the same key each time. */
export function keyRing(...versions: number[]): string {
  const named = versions.map((version) => {
    const known = keys.get(version) ?? crypto.getRandomValues(new Uint8Array(32)).toBase64();
    keys.set(version, known);
    return [version, known];
  });
  return JSON.stringify(Object.fromEntries(named));
}
