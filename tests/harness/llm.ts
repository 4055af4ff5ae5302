import OpenAI from "openai";
import type { Body } from "./answer.ts";
import { expect } from "./expect.ts";
import { openAiOf } from "./openai_client.ts";
import { OwnFunctions } from "./own_functions.ts";
import { sql } from "./sql.ts";
import { createTenant, type Tenant, type User } from "./tenant.ts";
import { Upstream } from "./upstream.ts";
import { waitFor } from "./wait.ts";

/** The platform's key with the upstream. */
export const PLATFORM_KEY = "sk-platform-0123456789abcdef";

/** A team, an upstream that is the platform's provider, and functions that may reach it. */
export class LlmSetting {
  private constructor(
    readonly functions: OwnFunctions,
    readonly upstream: Upstream,
    readonly tenant: Tenant,
    readonly client: OpenAI,
  ) {}

  /** Runs a test; `variables` are the functions' beyond those of the provider. */
  static with(
    test: (setting: LlmSetting) => Promise<void>,
    variables: Record<string, string> = {},
  ): Promise<void> {
    return Upstream.with((upstream) => {
      const provider = { OPENAI_API_KEY: PLATFORM_KEY, OPENAI_BASE_URL: upstream.baseUrl };
      return OwnFunctions.with({ ...provider, ...variables }, async (functions) => {
        const tenant = await createTenant();
        const client = await openAiOf(tenant.owner, `${functions.url}/functions/v1`);
        await test(new LlmSetting(functions, upstream, tenant, client));
      });
    });
  }

  /** Timeouts of the providers, in seconds. */
  wait(timeouts: Record<string, number>): void {
    this.functions.set({ EDGELOOM_PROVIDER_TIMEOUTS: JSON.stringify(timeouts) });
  }

  /** A chat with one message, which is not streamed. */
  chat(request: Record<string, unknown> = {}): Promise<Body> {
    return this.client.post("/chat/completions", { body: { ...REQUEST, ...request } });
  }

  /** The text of a streamed chat, and what broke it off. */
  async read(request: Record<string, unknown> = {}): Promise<{ text: string; error?: unknown }> {
    let text = "";
    try {
      const stream = await this.client.chat.completions.create({
        ...REQUEST,
        ...request,
        stream: true,
      });
      for await (const { choices: [choice] } of stream) text += choice?.delta.content ?? "";
      return { text };
    } catch (error) {
      return { text, error };
    }
  }

  /** Sets a provider's key. */
  async putKey(
    user: User,
    provider: string,
    body: { key: string; scope?: "user" | "organization"; base_url?: string },
  ): Promise<Body> {
    return expect(await this.functions.send(user, "PUT", `/keys/providers/${provider}`, body), 200);
  }

  /** The usage log of the team, oldest first, once it has so many rows. */
  usage(rows: number): Promise<Body[]> {
    return waitFor(async () => {
      const found = await sql`select * from public.usage_events
        where organization_id = ${this.tenant.organizationId} order by created_at`;
      return found.length >= rows && found;
    }, { what: `${rows} rows of usage` });
  }
}

/** A request that anything answers. */
export const REQUEST = {
  model: "demo-chat",
  messages: [{ role: "user" as const, content: "Hello out there" }],
};
