import { ApiError } from "@shared/errors.ts";

/** Hosts that say themselves that they are not public: addresses, and names of this machine. */
const TELLS_ITSELF = /^(\[.*\]|[\d.]+|(.+\.)?localhost)\.?$/;

/**
 * Refuses an address that surely is private, so that whoever names it is told at once. What a name
 * stands for is looked at when a message is sent, each time.
 *
 * @throws {ApiError} `validation_failed`, about `url`
 */
export async function refusePrivateAddress(address: string): Promise<void> {
  const url = new URL(address);
  if (!TELLS_ITSELF.test(url.hostname)) return;
  // Loads node:dns, which few requests need.
  const { resolvePublicHost } = await import("@shared/network_address.ts");
  await resolvePublicHost(url).catch(() => {
    const message = `${url.hostname} is not a public address`;
    throw new ApiError("validation_failed", message, { errors: [{ path: "url", message }] });
  });
}
