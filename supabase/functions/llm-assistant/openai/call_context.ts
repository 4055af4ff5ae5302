import { ApiError } from "@shared/errors.ts";
import type { LlmContext } from "@shared/llm/context.ts";
import type { RouteContext } from "@shared/route.ts";

/** On whose behalf a request calls providers. */
export async function callContext(
  { caller, organizationId, service, requestId }: RouteContext<unknown, unknown, unknown>,
): Promise<LlmContext> {
  if (caller.kind !== "user") throw new ApiError("forbidden", "This acts as a user");
  return {
    service: service(),
    organizationId: await organizationId(),
    userId: caller.userId,
    apiKeyId: caller.apiKeyId,
    requestId,
  };
}
