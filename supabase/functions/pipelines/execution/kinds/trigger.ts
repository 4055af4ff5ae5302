import type { Json } from "@shared/json.ts";
import type { BlockContext } from "../context.ts";

/** What the run was started with. */
export function readTrigger({ runInput }: BlockContext): Promise<Json> {
  return Promise.resolve(runInput);
}
