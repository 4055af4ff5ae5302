import type { Engine } from "./engine.ts";
import { startFunction } from "./function_process.ts";
import { SlowService } from "./slow_service.ts";

/** What becomes of a call: an answer in place of the project's, null for the project's own, undefined for none ever. */
type Between = (request: Request) => Response | null | undefined | Promise<Response | null>;

/** A worker at work, and the service between it and the project. */
export type WorkerProcess = { service: SlowService; status: Promise<number> };

/** Runs a worker in a process of its own, with the test between it and the project's API. */
export async function withWorker(
  engine: Engine,
  between: Between,
  test: (worker: WorkerProcess) => Promise<void>,
): Promise<void> {
  const { stack } = engine;
  const forward = async (request: Request) => {
    const { method, headers } = request;
    const { pathname, search } = new URL(request.url);
    const body = method === "GET" ? undefined : await request.arrayBuffer();
    return await fetch(`${stack.url}${pathname}${search}`, { method, headers, body });
  };
  const answer = (request: Request) => {
    const copy = request.clone();
    const given = between(request);
    if (given === undefined || given instanceof Response) return given;
    return Promise.resolve(given).then((response) => response ?? forward(copy));
  };
  await SlowService.with(answer, async (service) => {
    const env = { EDGELOOM_ALLOW_PRIVATE_NETWORK: "1", EDGELOOM_JWT_KEY: stack.jwtSecret };
    const worker = await startFunction(
      "pipelines",
      { ...stack, url: service.url.slice(0, -1) },
      env,
    );
    const headers = { apikey: stack.secretKey };
    const status = fetch(`${worker.url}/pipelines/worker`, { method: "POST", headers })
      .then(async (response) => {
        await response.body?.cancel();
        return response.status;
      });
    try {
      await test({ service, status });
      await status;
    } finally {
      await Promise.allSettled([status, worker.stop()]);
    }
  });
}

/** Whether a request calls this command of the engine. */
export const isCall = (request: Request, command: string) =>
  new URL(request.url).pathname.endsWith(`/rpc/${command}`);

/** What PostgREST answers while its database is restarted. */
export const away = () =>
  Response.json({ code: "PGRST001", message: "Database client error. Retrying the connection." }, {
    status: 503,
  });

/** What PostgREST answers where the database failed at it. */
export const broken = () =>
  Response.json({ code: "XX000", message: "could not read block 7" }, { status: 500 });
