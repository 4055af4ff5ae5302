import type { DatabaseClient } from "@shared/database.ts";

/** On whose behalf a provider is called, and what for: what usage is noted with. */
export type LlmContext = {
  /** Past RLS: provider keys are read and usage is written by nobody else. */
  service: DatabaseClient;
  organizationId: string;
  userId: string;
  apiKeyId?: string;
  assistantId?: string;
  conversationId?: string;
  runId?: string;
  stepId?: string;
  requestId?: string;
  /** What the call is noted as, where that is not what it does: a title counts for no limit. */
  operation?: "title";
  /** Gives the call up. */
  signal?: AbortSignal;
};
