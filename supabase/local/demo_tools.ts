import { isJsonObject, type Json, type JsonObject } from "@shared/json.ts";
import { hash } from "./demo_hash.ts";
import { instanceOf } from "./demo_instance.ts";

/** A call that the model asks for. */
export type DemoCall = {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
};

/**
 * The tools that the last message asks for in so many words, `call <tool> with {…}`, as often as it
 * says so; or the one that `tool_choice` insists on, with the least that its parameters let pass.
 */
export function callsFor(request: JsonObject, prompt: string): DemoCall[] {
  const offered = Array.isArray(request.tools) ? request.tools.flatMap(functionOf) : [];
  const choice = request.tool_choice;
  if (offered.length === 0 || choice === "none") return [];
  const asked = [...prompt.matchAll(/\bcall\s+([\w.-]+)\s+with\s+(?=\{)/gi)].flatMap((match) => {
    const tool = offered.find(({ name }) => name === match[1]);
    const text = objectAt(prompt, match.index + match[0].length);
    return tool && text ? [callOf(tool.name, text, match.index)] : [];
  });
  if (asked.length > 0) return request.parallel_tool_calls === false ? asked.slice(0, 1) : asked;
  const named = isJsonObject(choice) && isJsonObject(choice.function) ? choice.function.name : null;
  const forced = named ? offered.find(({ name }) => name === named) : offered[0];
  if (!forced || (choice !== "required" && !named)) return [];
  return [callOf(forced.name, JSON.stringify(instanceOf(forced.parameters)), 0)];
}

function functionOf(tool: Json): { name: string; parameters: Json }[] {
  const given = isJsonObject(tool) && isJsonObject(tool.function) ? tool.function : {};
  return typeof given.name === "string"
    ? [{ name: given.name, parameters: given.parameters ?? { type: "object" } }]
    : [];
}

const callOf = (name: string, text: string, place: number): DemoCall => ({
  id: `call_${hash(`${place} ${name} ${text}`).toString(36).padStart(8, "0")}`,
  type: "function",
  function: { name, arguments: text },
});

/** The JSON object that begins at a place of a text: up to the first brace that makes it whole. */
function objectAt(text: string, start: number): string | undefined {
  for (let end = text.indexOf("}", start); end >= 0; end = text.indexOf("}", end + 1)) {
    const candidate = text.slice(start, end + 1);
    try {
      JSON.parse(candidate);
      return candidate;
    } catch {
      // A brace inside of it.
    }
  }
  return undefined;
}
