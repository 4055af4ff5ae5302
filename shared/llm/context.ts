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
  /** Gives the call up. */
  signal?: AbortSignal;
};
