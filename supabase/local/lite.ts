import { App, setExperimental } from "@supabase/lite";
import type { Database } from "./database.ts";
import { quietly } from "./quiet.ts";
import type { Secrets } from "./secrets.ts";
import { FolderStorage } from "./storage.ts";

/** The part of Lite that the stack uses. */
export type Lite = Pick<App, "fetch">;

const ROLES_SQL = new URL("roles.sql", import.meta.url);
const MANAGED_SCHEMAS_SQL = new URL("managed_schemas.sql", import.meta.url);

/**
 * Makes the database what a new hosted project is (roles, schemas, managed tables) and puts
 * Supabase Lite in front of it: `/rest/v1`, `/auth/v1`, `/storage/v1`.
 * @param url where the API is reached
 * @param storage the folder of uploaded objects
 */
export async function prepare(
  database: Database,
  secrets: Secrets,
  { url, storage }: { url: string; storage: string },
): Promise<Lite> {
  setExperimental("storage", true);
  const app = new App({
    connection: database.connection,
    auth: {
      enabled: true,
      site_url: url,
      jwt_secret: secrets.jwtSecret,
      publishable_key: secrets.publishableKey,
      secret_key: secrets.secretKey,
      jwt_expiry: 3600,
      enable_signup: true,
      email: { enable_signup: true, enable_confirmations: false },
    },
    storage: { enabled: true, file_size_limit: "50MiB" },
    // Admin mode would let requests without a key do everything.
    options: { server: { admin: false } },
  });
  app._storageAdapter = new FolderStorage(storage);
  await database.script(await Deno.readTextFile(ROLES_SQL));
  await quietly(true, () => database.exclusive(() => app.ensureSystemSchema()));
  await database.script(await Deno.readTextFile(MANAGED_SCHEMAS_SQL));
  return app;
}
