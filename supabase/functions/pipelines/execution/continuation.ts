import type { Json } from "@shared/json.ts";

/** Thrown in place of an output by a step that is not done: it is to be called again from here. */
export class Continuation extends Error {
  constructor(readonly cursor: Json) {
    super("The step goes on in another attempt");
  }
}
