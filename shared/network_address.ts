import { lookup } from "node:dns/promises";
import ipaddr from "ipaddr.js";
import { NetworkError } from "@shared/network_error.ts";

/** An address that a name stands for, as `node:net` takes it. */
export type Address = { address: string; family: number };

/** Whether private addresses may be reached: for development and tests, never for a hosted project. */
function privateNetworkAllowed(): boolean {
  return Deno.env.get("EDGELOOM_ALLOW_PRIVATE_NETWORK") === "1";
}

/**
 * Whether an address is public unicast. Loopback, private, link-local, carrier-grade NAT, multicast
 * and documentation ranges are not, and neither are the ranges that carry another address inside
 * (IPv4-mapped, IPv4-compatible, NAT64, 6to4, Teredo).
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== "unicast") return false;
  // All IPv6 addresses in public use are from this block; the parser calls more of them unicast.
  return parsed.kind() === "ipv4" || parsed.match(GLOBAL_UNICAST);
}

const GLOBAL_UNICAST = ipaddr.parseCIDR("2000::/3");

/**
 * The addresses of a URL's host, all of them checked: one private address refuses the host.
 *
 * @throws {NetworkError} `address_refused` or `unreachable`
 */
export async function resolvePublicHost(url: URL): Promise<Address[]> {
  // URL has already turned 2130706433, 0x7f.1 and 0177.0.0.1 into 127.0.0.1.
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const addresses = ipaddr.isValid(host)
    ? [{ address: host, family: ipaddr.parse(host).kind() === "ipv6" ? 6 : 4 }]
    : await resolveName(host);
  if (!privateNetworkAllowed() && !addresses.every(({ address }) => isPublicAddress(address))) {
    throw new NetworkError("address_refused", `${url.hostname} is not a public address`);
  }
  return addresses;
}

async function resolveName(host: string): Promise<Address[]> {
  try {
    const addresses = await lookup(host, { all: true });
    if (addresses.length > 0) return addresses;
  } catch {
    // Every cause of a failed resolution is the same to the caller.
  }
  throw new NetworkError("unreachable", `${host} has no address`);
}
