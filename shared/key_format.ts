import { sha256Hex } from "@shared/hash.ts";

/**
 * The form of issued keys: `el_<env>_<id><secret>_<checksum>`, base62. The id (8 characters) may be
 * shown, the secret (32) may not. The checksum is the CRC-32 of all that comes before it, as 6 base62
 * digits: junk is refused without a look-up, and who scans for leaks can tell a real key from a
 * look-alike offline, as with GitHub's tokens
 * (https://github.blog/engineering/behind-githubs-new-authentication-token-formats/).
 *
 * The expression for scanners: `el_[a-z]{2,10}_[0-9A-Za-z]{40}_[0-9A-Za-z]{6}`
 */

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const FORM = /^(el_[a-z]{2,10}_[0-9A-Za-z]{40})_([0-9A-Za-z]{6})$/;

/** What is kept of a key. */
export type KeyRecord = { prefix: string; last_four: string; key_hash: string };

/** CRC-32 (ISO 3309) of ASCII text, bit by bit: Deno 2.1's `node:zlib` has none. */
function crc32(text: string): number {
  let crc = ~0;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

function checksum(text: string): string {
  let rest = crc32(text);
  let digits = "";
  for (let place = 0; place < 6; place++) {
    digits = ALPHABET[rest % 62] + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

/** Base62 characters without bias: bytes from 248 on would favour the first digits. */
function randomText(length: number): string {
  let text = "";
  while (text.length < length) {
    const usable = crypto.getRandomValues(new Uint8Array(64)).filter((byte) => byte < 248);
    for (const byte of usable) text += ALPHABET[byte % 62];
  }
  return text.slice(0, length);
}

/** Whether a text has the form of a key and the right checksum; nothing else can be one. */
export function isWellFormed(key: string): boolean {
  const [, body = "", sum] = FORM.exec(key) ?? [];
  return sum !== undefined && checksum(body) === sum;
}

/** SHA-256 of a key, hex: what it is found by. A slow hash is for secrets that people think up. */
export const hashKey = (key: string): Promise<string> => sha256Hex(key);

/** A new key of 190 random bits, and what is kept of it. */
export async function createKey(
  environment: string,
): Promise<{ key: string; record: KeyRecord }> {
  const prefix = `el_${environment}_${randomText(8)}`;
  const body = `${prefix}${randomText(32)}`;
  const key = `${body}_${checksum(body)}`;
  return { key, record: { prefix, last_four: body.slice(-4), key_hash: await hashKey(key) } };
}
