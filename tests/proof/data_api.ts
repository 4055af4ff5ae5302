import { z } from "zod";
import { codeOf, isAbsence, literal, type ProofServer } from "./server.ts";

const bodySchema = z.record(z.string(), z.unknown());

export type Rpc = { command: string; body: z.infer<typeof bodySchema> };

/** The command and arguments of a request. */
export async function readRpc(request: Request): Promise<Rpc> {
  const [, command = ""] = /\/rest\/v1\/rpc\/([a-z_]+)$/.exec(new URL(request.url).pathname) ?? [];
  return { command, body: bodySchema.parse(await request.json()) };
}

/**
 * The commands of the Data API, for the service, with PostgREST's answers. A session a request: the
 * driver's pool does not survive sessions that are ended under it, and would be what is tested.
 */
export async function callRpc(
  server: ProofServer,
  { command, body }: Rpc,
): Promise<{ status: number; answer: unknown }> {
  const args = Object.entries(body).map(([name, value]) => `${name} => ${literal(value)}`);
  try {
    const [row] = await server.run(
      `set role service_role; select to_jsonb(public.${command}(${args.join(", ")})) as answer`,
    );
    return { status: 200, answer: row?.answer ?? null };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const code = codeOf(error);
    const message = error.message;
    const [, own] = /^PT(\d{3})$/.exec(code) ?? [];
    if (own) return { status: Number(own), answer: { code, message } };
    // A session that ended is told by its SQLSTATE; one that can't be had, by PostgREST's own code.
    if (/^(08|57)/.test(code)) return { status: 503, answer: { code, message } };
    if (isAbsence(error)) return { status: 503, answer: { code: "PGRST001", message } };
    return { status: 500, answer: { code, message } };
  }
}
