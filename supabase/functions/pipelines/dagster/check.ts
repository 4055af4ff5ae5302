import { ApiError } from "@shared/errors.ts";
import { DagsterSilence } from "./api.ts";
import type { Connection } from "./config.ts";
import { readVersion } from "./queries.ts";

type Address = Pick<Connection, "url" | "isTenants">;

/**
 * The version of the Dagster at an address. What answers otherwise than Dagster does is refused before
 * it is stored, and so is an address that a tenant may not name.
 *
 * @param path the field that holds the address
 * @throws {ApiError} `validation_failed`, also where nothing answers
 */
export async function requireDagster(address: Address, path: string): Promise<string> {
  try {
    return await readVersion(address);
  } catch (error) {
    if (!(error instanceof DagsterSilence)) throw error;
    throw new ApiError("validation_failed", error.message, {
      errors: [{ path, message: error.message }],
      cause: error.code,
    });
  }
}

/**
 * Holds a tenant's own address against the same, but for one where nothing answers now: runs wait for a
 * Dagster that is down. Its name must have an address.
 *
 * @throws {ApiError} `validation_failed`
 */
export async function checkOwnDagster(config: { url?: string } | undefined): Promise<void> {
  if (config?.url === undefined) return;
  const address = { url: config.url, isTenants: true };
  await requireDagster(address, "dagster_pipeline_config.url").catch(async (error) => {
    const isDown = error instanceof ApiError && error.options.cause === "dagster_unreachable";
    if (!isDown || !await hasAddress(address.url)) throw error;
  });
}

/** A name that nobody has given an address is misspelt more likely than down. */
async function hasAddress(url: string): Promise<boolean> {
  const { resolvePublicHost } = await import("@shared/network_address.ts");
  return await resolvePublicHost(new URL(url)).then(() => true, () => false);
}
