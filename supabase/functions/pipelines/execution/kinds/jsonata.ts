import type { Json } from "@shared/json.ts";
import { evaluateJsonata } from "../jsonata.ts";
import type { ModelOf } from "./specs.ts";

/** The expression's result over the input. */
export function executeJsonata({ expression }: ModelOf<"jsonata">, input: Json): Promise<Json> {
  return evaluateJsonata(expression, input);
}
