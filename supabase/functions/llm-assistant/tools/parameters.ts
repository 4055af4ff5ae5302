import type { FieldError } from "@shared/errors.ts";
import type { JsonObject } from "@shared/json.ts";
import { readSchema } from "@shared/json_schema_size.ts";

/**
 * What is wrong with the parameters of a tool: they are a JSON Schema (2020-12) of an object, as OpenAI
 * asks for, with references inside itself only, none of them circular, and patterns that match in
 * linear time. None where all is well. Paths are as in `parameters.properties.city.type`.
 */
export async function checkParameters(parameters: JsonObject): Promise<FieldError[]> {
  if (parameters.type !== "object") {
    return [{
      path: "parameters.type",
      message: 'A tool takes an object: the schema\'s type is "object"',
    }];
  }
  const read = await readSchema(parameters, { circular: false });
  if (!("errors" in read)) return [];
  return read.errors.map(({ path, message }) => ({ path: `parameters${path}`, message }));
}
