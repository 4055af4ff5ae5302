import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { decrypt } from "@shared/envelope.ts";
import { ApiError } from "@shared/errors.ts";
import { readBytes } from "@shared/input.ts";
import { describeError, log } from "@shared/log.ts";
import { verifyDelivery } from "./signatures.ts";

/** What has a webhook: its table, its path, and the column of `hook_secrets` that names it. */
export const hooked = [
  {
    table: "code_repos",
    path: "/repos/{id}",
    segment: "repos",
    column: "code_repo_id",
    name: "code repo",
  },
  {
    table: "docker_images",
    path: "/images/{id}",
    segment: "images",
    column: "docker_image_id",
    name: "docker image",
  },
] as const;

export type Hooked = typeof hooked[number];

/** Where a webhook's sender sends to. */
export const hookPath = ({ segment }: Hooked, id: string) => `pipelines/${segment}/${id}/hook`;

/**
 * The body of a delivery, once its signature over it is found good: `X-Hub-Signature-256`, as GitHub and
 * `openssl dgst -sha256 -hmac` make it.
 *
 * @param service past RLS: no client reads secrets
 * @throws {ApiError} `not_found`, `invalid_signature`, `body_too_large`, `encryption_not_configured`
 */
export async function verifyHook(
  service: DatabaseClient,
  { table, column, name }: Hooked,
  id: string,
  request: Request,
): Promise<string> {
  const [body, owner, secret] = await Promise.all([
    readBytes(request),
    unwrap(service.from(table).select("organization_id").eq("id", id).maybeSingle()),
    unwrap(
      service.from("hook_secrets").select("id,ciphertext,key_version").eq(column, id).maybeSingle(),
    ),
  ]);
  if (!owner) throw new ApiError("not_found", `No ${name} with id ${id}`);
  const headers = new Headers(request.headers);
  // Only GitHub numbers its deliveries; what these ones tell may be told twice.
  if (!headers.has("x-github-delivery")) headers.set("x-github-delivery", crypto.randomUUID());
  const secrets = secret
    ? [await decryptOrRefuse(secret, { organizationId: owner.organization_id, rowId: secret.id })]
    : [];
  await verifyDelivery("github", secrets, headers, body);
  return new TextDecoder().decode(body);
}

/** A secret that does not decrypt checks no signature: the sender is refused, and we are told why. */
function decryptOrRefuse(...[sealed, owner]: Parameters<typeof decrypt>): Promise<string> {
  return decrypt(sealed, owner).catch((error) => {
    if (error instanceof ApiError) throw error;
    log("error", { hook_secret: owner.rowId, error: describeError(error) });
    throw new ApiError("invalid_signature", "The webhook's secret can't be read: set it anew");
  });
}
