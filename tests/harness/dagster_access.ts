import type { Stack } from "../../supabase/local/stack.ts";
import type { Answer } from "./answer.ts";
import { Engine } from "./engine.ts";
import { OwnFunctions } from "./own_functions.ts";

/** Where a Dagster's code location is, unless told otherwise. */
export const LOCATION = { location: "edgeloom", repository: "__repository__" };

/** Functions over a stack where nobody else connects Dagster or claims runs. */
export function withFunctions(
  test: (scene: { engine: Engine; functions: OwnFunctions }) => Promise<void>,
): Promise<void> {
  return Engine.with((engine) =>
    OwnFunctions.with(
      { EDGELOOM_ALLOW_PRIVATE_NETWORK: "1" },
      (functions) => test({ engine, functions }),
      engine.stack,
    )
  );
}

/** Calls functions with the project's secret key. */
export const asService =
  (functions: OwnFunctions, { secretKey }: Stack) =>
  (method: string, path: string, body?: unknown): Promise<Answer> =>
    functions.call(method, path, { apikey: secretKey, body });
