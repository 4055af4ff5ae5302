import type { Json } from "@shared/json.ts";

/** The project's own API, called as the run's user, so RLS applies. URLs have no slash at the end. */
export type ProjectApi = {
  /** `https://<project>/rest/v1` */
  restUrl: string;
  /** `https://<project>/storage/v1` */
  storageUrl: string;
  /** The publishable key. */
  apikey: string;
  /** The JWT of the run's user. */
  accessToken: string;
};

/** What a block's execution knows of its run. */
export type BlockContext = {
  /** What the run was started with; a `trigger` block returns it. */
  runInput: Json;
  organizationId: string;
  /** Whose rights the run has. */
  userId: string;
  /** The issued key that the run began with. */
  apiKeyId?: string;
  runId: string;
  stepId: string;
  /** What the sandbox's dice start from; the same for every attempt. */
  seed: string;
  /** What the sandbox's clock shows, in milliseconds since 1970; 0 by default. */
  now?: number;
  /** What the attempt before asked to go on from; null at the beginning. */
  cursor: Json;
  /** Fires when the step is given up: it took too long, or its run was canceled. */
  signal?: AbortSignal;
  /** `run:step`, the same for every attempt. */
  idempotencyKey: string;
  api: ProjectApi;
};
