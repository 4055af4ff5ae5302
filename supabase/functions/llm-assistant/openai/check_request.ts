import { ApiError } from "@shared/errors.ts";
import { brokenRules } from "@shared/json_schema.ts";
import { dotted, SCHEMA_LENGTH } from "@shared/json_schema_size.ts";
import { META_SCHEMA } from "@shared/meta_schema.ts";
import { type ChatCompletionRequest, schemasOf } from "./chat_schema.ts";

/** The longest JSON text of all schemas of a request, in characters: some milliseconds a kilobyte. */
const SCHEMAS_LENGTH = 8 * SCHEMA_LENGTH;

/**
 * What a schema can't tell of a request: that its JSON Schemas are some, that tools are not named twice,
 * and that one that is chosen is there.
 *
 * @throws {ApiError} `validation_failed`, which names the place
 */
export async function checkRequest(request: ChatCompletionRequest): Promise<void> {
  let length = 0;
  for (const { path, schema } of schemasOf(request)) {
    const own = JSON.stringify(schema).length;
    if (own > SCHEMA_LENGTH) refuse(path, `A schema has ${SCHEMA_LENGTH} characters at most`);
    length += own;
    if (length > SCHEMAS_LENGTH) {
      refuse("tools", `The schemas have ${SCHEMAS_LENGTH} characters at most, all together`);
    }
    const [broken] = await brokenRules(META_SCHEMA, schema).catch(() => [
      { pointer: "", message: "The schema nests too deeply" },
    ]);
    if (broken) refuse(`${path}${dotted(broken.pointer)}`, `Invalid schema: ${broken.message}`);
    // Providers want an object; one that names no type is one by its properties.
    if (![undefined, "object"].includes(typeOf(schema.type))) {
      refuse(
        `${path}.type`,
        'Invalid schema: at its root it is of an object, with the type "object"',
      );
    }
  }
  const names = (request.tools ?? []).map((tool) =>
    tool.type === "function" ? tool.function.name : tool.custom.name
  );
  const { tool_choice: choice } = request;
  const chosen = typeof choice === "object" ? choice?.function?.name : undefined;
  if (chosen !== undefined && !names.includes(chosen)) {
    refuse("tool_choice", `There is no tool with the name ${chosen}`);
  }
  const twice = names.findIndex((name, index) => names.indexOf(name) < index);
  if (twice >= 0) refuse(`tools.${twice}`, `There are two tools with the name ${names[twice]}`);
}

const typeOf = (type: unknown) => type === undefined ? undefined : String(type);

function refuse(path: string, message: string): never {
  throw new ApiError("validation_failed", `${path}: ${message}`, { errors: [{ path, message }] });
}
