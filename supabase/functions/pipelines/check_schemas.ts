import { ApiError, type FieldError } from "@shared/errors.ts";
import type { JsonObject } from "@shared/json.ts";
import { readSchema } from "@shared/json_schema_size.ts";

type WithSchemas = { kind: string; input_schema?: JsonObject; output_schema?: JsonObject };

/** What is wrong with the JSON Schemas in a spec; paths are as in `input_schema.properties.a.$ref`. */
export async function schemaErrors(
  { input_schema, output_schema }: WithSchemas,
): Promise<FieldError[]> {
  const errors: FieldError[] = [];
  for (const [name, schema] of Object.entries({ input_schema, output_schema })) {
    const read = schema && await readSchema(schema);
    if (!read || !("errors" in read)) continue;
    errors.push(...read.errors.map(({ path, message }) => ({ path: `${name}${path}`, message })));
  }
  return errors;
}

/**
 * Refuses a spec for a JSON Schema in it.
 *
 * @throws {ApiError} `validation_failed`
 */
export async function checkSchemas(spec: WithSchemas): Promise<void> {
  const errors = (await schemaErrors(spec))
    .map(({ path, message }) => ({ path: `spec.${path}`, message }));
  const [first] = errors;
  if (first) throw new ApiError("validation_failed", `${first.path}: ${first.message}`, { errors });
}
