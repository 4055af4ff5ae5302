import { z } from "zod";

/** Blocks and edges, for operations that both have alike. `path` names one of them by `{id}`. */
export const entities = [
  { type: "block", path: "/blocks/{id}", noun: "a block" },
  { type: "edge", path: "/edges/{id}", noun: "an edge" },
] as const;

export type Entity = typeof entities[number];

/** The path parameters of {@link Entity}. */
export const entityIdSchema = z.object({ id: z.uuid() });
