import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import type { z } from "zod";
import {
  API_KEY_COLUMNS,
  apiKeySchema,
  PROVIDER_KEY_COLUMNS,
  providerKeySchema,
} from "./schemas.ts";

/** The key as its readers see it. @throws {ApiError} `not_found` */
export async function getApiKey(
  database: DatabaseClient,
  id: string,
): Promise<z.infer<typeof apiKeySchema>> {
  const row = await unwrap(
    database.from("api_keys").select(API_KEY_COLUMNS).eq("id", id).maybeSingle(),
  );
  if (!row) throw new ApiError("not_found", `No key with id ${id}`);
  return apiKeySchema.parse(row);
}

/** The provider key as its readers see it. @throws {ApiError} `not_found` */
export async function getProviderKey(
  database: DatabaseClient,
  id: string,
): Promise<z.infer<typeof providerKeySchema>> {
  const row = await unwrap(
    database.from("provider_keys").select(PROVIDER_KEY_COLUMNS).eq("id", id).maybeSingle(),
  );
  if (!row) throw new ApiError("not_found", `No provider key with id ${id}`);
  return providerKeySchema.parse(row);
}
