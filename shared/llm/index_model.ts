import { defaultModels } from "@shared/env.ts";
import { platformSource } from "@shared/llm/sources.ts";

/**
 * The model that texts are embedded with which all organizations' searches compare: the environment's,
 * else the usual one of the platform's provider. undefined: search goes by words alone.
 */
export function indexModel(): string | undefined {
  const [platform] = platformSource();
  return defaultModels().embedding ?? platform?.adapter.defaults.embedding;
}
