import { encryptionKeys } from "@shared/env.ts";
import { ApiError } from "@shared/errors.ts";
import { decodeBase64, encodeBase64 } from "hono/utils/encode";
import { z } from "zod";

/**
 * Envelope encryption of secrets at rest: each one has a data key of its own (AES-256-GCM), which is
 * wrapped by a key-encryption key of EDGELOOM_ENCRYPTION_KEYS. The organization and the row are
 * authenticated too, so a ciphertext moved to another row does not decrypt.
 */

/** What is stored: `ciphertext` is `<wrapped data key>.<sealed text>`, base64. */
export type Sealed = { ciphertext: string; key_version: number };

/** Where a secret belongs; part of what is authenticated. */
export type Owner = { organizationId: string; rowId: string };

const IV_BYTES = 12;
const keysSchema = z.record(z.string().regex(/^[1-9]\d{0,5}$/), z.base64());

function readKeys(): Map<number, Uint8Array<ArrayBuffer>> {
  const json = encryptionKeys();
  if (!json) throw refuse("is not set");
  const keys = Object.entries(parseKeys(json)).map(
    ([version, key]) => [Number(version), decodeBase64(key)] as const,
  );
  if (keys.length > 0 && keys.every(([, key]) => key.length === 32)) return new Map(keys);
  throw refuse("must hold keys of 32 bytes");
}

function parseKeys(json: string): Record<string, string> {
  try {
    return keysSchema.parse(JSON.parse(json));
  } catch {
    // The cause is not passed on to the log: it quotes what it could not parse, a key perhaps.
    throw refuse("is not a JSON object of base64 keys");
  }
}

const refuse = (reason: string) =>
  new ApiError("encryption_not_configured", `EDGELOOM_ENCRYPTION_KEYS ${reason}`);

const importKey = (raw: Uint8Array<ArrayBuffer>) =>
  crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);

const parameters = (iv: Uint8Array<ArrayBuffer>, owner: Owner) => ({
  name: "AES-GCM",
  iv,
  additionalData: new TextEncoder().encode(`${owner.organizationId}/${owner.rowId}`),
});

async function seal(key: CryptoKey, plain: Uint8Array<ArrayBuffer>, owner: Owner): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const sealed = await crypto.subtle.encrypt(parameters(iv, owner), key, plain);
  return encodeBase64(new Uint8Array([...iv, ...new Uint8Array(sealed)]).buffer);
}

async function open(key: CryptoKey, text: string, owner: Owner): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = decodeBase64(text);
  const plain = await crypto.subtle.decrypt(
    parameters(bytes.slice(0, IV_BYTES), owner),
    key,
    bytes.slice(IV_BYTES),
  );
  return new Uint8Array(plain);
}

/** The key-encryption key that new secrets are wrapped by. @throws {ApiError} `encryption_not_configured` */
export const newestKeyVersion = (): number => Math.max(...readKeys().keys());

async function wrappingKey(version: number): Promise<CryptoKey> {
  const key = readKeys().get(version);
  if (key) return await importKey(key);
  throw refuse(`lacks version ${version}`);
}

/**
 * Encrypts a secret with the newest key-encryption key.
 *
 * @throws {ApiError} `encryption_not_configured`
 */
export async function encrypt(plaintext: string, owner: Owner): Promise<Sealed> {
  const key_version = newestKeyVersion();
  const dataKey = crypto.getRandomValues(new Uint8Array(32));
  const [wrapped, sealed] = await Promise.all([
    seal(await wrappingKey(key_version), dataKey, owner),
    seal(await importKey(dataKey), new TextEncoder().encode(plaintext), owner),
  ]);
  return { ciphertext: `${wrapped}.${sealed}`, key_version };
}

/** The data key of a secret, and the secret as it is sealed with it. */
async function unwrap({ ciphertext, key_version }: Sealed, owner: Owner) {
  const [wrapped = "", sealed = ""] = ciphertext.split(".");
  return { dataKey: await open(await wrappingKey(key_version), wrapped, owner), sealed };
}

/**
 * Decrypts what {@link encrypt} made, for the same owner.
 *
 * @throws {ApiError} `encryption_not_configured`, also when the version's key is no longer there
 * @throws {DOMException} when the ciphertext was changed or belongs to another owner
 */
export async function decrypt(secret: Sealed, owner: Owner): Promise<string> {
  const { dataKey, sealed } = await unwrap(secret, owner);
  return new TextDecoder().decode(await open(await importKey(dataKey), sealed, owner));
}

/**
 * The same secret, wrapped by the newest key-encryption key. Its data key and what is sealed with it
 * stay as they are, so the secret itself is never seen.
 *
 * @throws as {@link decrypt} does
 */
export async function rewrap(secret: Sealed, owner: Owner): Promise<Sealed> {
  const { dataKey, sealed } = await unwrap(secret, owner);
  const key_version = newestKeyVersion();
  const wrapped = await seal(await wrappingKey(key_version), dataKey, owner);
  return { ciphertext: `${wrapped}.${sealed}`, key_version };
}
