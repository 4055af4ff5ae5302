import { generateApiKey } from "@supabase/lite";
import { z } from "zod";
import { writeWhole } from "./data_folder.ts";
import { StackError } from "./errors.ts";

const Secrets = z.object({
  /** For clients: `sb_publishable_…`. */
  publishableKey: z.string().startsWith("sb_publishable_"),
  /** For servers, past row level security: `sb_secret_…`. */
  secretKey: z.string().startsWith("sb_secret_"),
  /** Signs user tokens (HS256). */
  jwtSecret: z.string().min(32),
  /** Key id → base64 of 32 bytes: what stored provider keys are encrypted with. */
  encryptionKeys: z.record(z.string(), z.string()),
});

/** What a stack must keep to itself. */
export type Secrets = z.infer<typeof Secrets>;

/** New random secrets. */
export async function makeSecrets(): Promise<Secrets> {
  const [publishable, secret] = await Promise.all([
    generateApiKey("publishable"),
    generateApiKey("secret"),
  ]);
  return {
    publishableKey: publishable.key,
    secretKey: secret.key,
    jwtSecret: randomBytes().toBase64({ alphabet: "base64url", omitPadding: true }),
    encryptionKeys: { "1": randomBytes().toBase64() },
  };
}

/**
 * The secrets of a data folder, made at its first start.
 * @throws StackError when the file is there and can't be read as secrets
 */
export async function loadSecrets(folder: string): Promise<Secrets> {
  const path = `${folder}/secrets.json`;
  const text = await Deno.readTextFile(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return null;
    throw new StackError(`${path} can't be read: ${error.message}.`);
  });
  if (text === null) {
    const secrets = await makeSecrets();
    await writeWhole(path, `${JSON.stringify(secrets, null, 2)}\n`);
    return secrets;
  }
  try {
    return Secrets.parse(JSON.parse(text));
  } catch {
    throw new StackError(`${path} is damaged; put it right, or remove it to get new secrets.`);
  }
}

function randomBytes(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(32));
}
