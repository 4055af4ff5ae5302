import type { Answer, Body } from "./answer.ts";
import { expect } from "./expect.ts";
import { OwnFunctions } from "./own_functions.ts";
import { Provider } from "./provider.ts";
import { createTenant, type Tenant, type User } from "./tenant.ts";

const PRIVATE_NETWORK = { EDGELOOM_ALLOW_PRIVATE_NETWORK: "1" };

/** A team, a provider, and functions that may reach it. */
export class Setting {
  private constructor(
    readonly functions: OwnFunctions,
    readonly provider: Provider,
    readonly tenant: Tenant,
  ) {}

  static with(test: (setting: Setting) => Promise<void>): Promise<void> {
    return OwnFunctions.with(
      PRIVATE_NETWORK,
      (functions) =>
        Provider.with(async (provider) => {
          await test(new Setting(functions, provider, await createTenant()));
        }),
    );
  }

  /** Sets a key for this provider's address, the owner's own unless told. */
  async put(body: Record<string, unknown> = {}, user: User = this.tenant.owner): Promise<Body> {
    const defaults = { key: this.provider.issue(), base_url: this.provider.baseUrl };
    const path = "/keys/providers/ours";
    return expect(await this.functions.send(user, "PUT", path, { ...defaults, ...body }), 200);
  }

  verify({ id }: { id: string }, user: User = this.tenant.owner): Promise<Answer> {
    return this.functions.send(user, "POST", `/keys/providers/${id}/verify`);
  }
}
