import { createKey } from "@shared/key_format.ts";
import { expect } from "../harness/expect.ts";
import { ALL_SCOPES, issueKey, keyWithout, revokedKey } from "../harness/keys.ts";
import type { LlmSetting } from "../harness/llm.ts";

const SCOPES = ALL_SCOPES.filter((scope) => scope.startsWith("llm-assistant:"));

/** The keys that the client's checks are given, by the variable that holds them. */
export async function issueKeys(
  { tenant, functions }: LlmSetting,
): Promise<Record<string, string>> {
  const { owner } = tenant;
  const limited = await issueKey(owner, SCOPES);
  const limit = { scope: "key", subject_id: limited.id, requests_per_minute: 1 };
  expect(await functions.send(owner, "POST", "/llm-assistant/rate-limits", limit), 201);
  const slow = await issueKey(owner, SCOPES, { rate_limit: 1, rate_window_seconds: 1 });
  return {
    EDGELOOM_KEY: (await issueKey(owner, SCOPES)).key,
    EDGELOOM_KEY_WITHOUT_SCOPE: await keyWithout(tenant, "llm-assistant:run"),
    EDGELOOM_KEY_UNKNOWN: (await createKey("test")).key,
    EDGELOOM_KEY_REVOKED: await revokedKey(tenant),
    // One call to a model a minute.
    EDGELOOM_KEY_LIMITED: limited.key,
    // One request of any kind a second.
    EDGELOOM_KEY_SLOW: slow.key,
  };
}
