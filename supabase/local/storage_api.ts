import { Buffer } from "node:buffer";
import { z } from "zod";
import { listFolder, ListQuery } from "./storage_list.ts";

const Signed = z.object({ signedUrl: z.string(), path: z.string().optional() }).loose();
const Copied = z.object({ key: z.string() });
const Copy = z.object({ bucketId: z.string(), destinationBucket: z.string().optional() });

/**
 * Lite's Storage is not yet the hosted one's equal: it knows no form upload of supabase-js, names
 * signed URLs otherwise and lists no folders. This puts both ways right.
 * @param send sends a request on to Lite
 */
export async function storageApi(
  request: Request,
  send: (request: Request) => Promise<Response>,
): Promise<Response> {
  try {
    return await translate(request, send);
  } catch (error) {
    const isClients = error instanceof z.ZodError || error instanceof SyntaxError ||
      error instanceof TypeError;
    if (!isClients) throw error;
    const message = "The request is not valid";
    return Response.json({ statusCode: "400", error: "invalid_request", message }, { status: 400 });
  }
}

async function translate(
  request: Request,
  send: (request: Request) => Promise<Response>,
): Promise<Response> {
  const path = new URL(request.url).pathname.slice("/storage/v1".length);
  const isUpload = /^(POST|PUT)$/.test(request.method) && path.startsWith("/object/");
  if (isUpload && request.headers.get("content-type")?.startsWith("multipart/form-data")) {
    return send(await withoutForm(request));
  }
  if (request.method !== "POST") return send(request);
  if (path.startsWith("/object/list/")) {
    const query = ListQuery.parse(await request.clone().json());
    const all = { ...query, limit: undefined, offset: undefined, search: undefined };
    const answer = await send(withJson(request, all));
    return answer.ok ? Response.json(listFolder(await answer.json(), query)) : answer;
  }
  if (path.startsWith("/object/upload/sign/")) {
    return mend(await send(request), (body) => ({ url: shortened(Signed.parse(body).signedUrl) }));
  }
  if (path.startsWith("/object/sign/")) return mend(await send(request), signed);
  if (path === "/object/copy") {
    const { bucketId, destinationBucket } = Copy.parse(await request.clone().json());
    const bucket = destinationBucket ?? bucketId;
    return mend(await send(request), (body) => ({ Key: `${bucket}/${Copied.parse(body).key}` }));
  }
  return send(request);
}

function signed(body: unknown): unknown {
  if (Array.isArray(body)) return body.map(signed);
  const { signedUrl, ...rest } = Signed.parse(body);
  return { ...rest, signedURL: signedUrl === "" ? null : shortened(signedUrl) };
}

/** The hosted API's URLs start below `/storage/v1`; clients put that before them. */
function shortened(url: string): string {
  return url.replace(/^\/storage\/v1/, "");
}

async function mend(answer: Response, change: (body: unknown) => unknown): Promise<Response> {
  return answer.ok ? Response.json(change(await answer.json())) : answer;
}

function withJson(request: Request, body: unknown): Request {
  const headers = new Headers(request.headers);
  headers.delete("content-length");
  return new Request(request.url, { method: request.method, headers, body: JSON.stringify(body) });
}

/** The one file of a form, whatever its field is called, as a plain body. */
async function withoutForm(request: Request): Promise<Request> {
  const form = await named(request).then((whole) => whole.formData());
  const file = [...form.values()].find((value) => value instanceof File);
  const headers = new Headers(request.headers);
  headers.set("content-type", file?.type || "application/octet-stream");
  headers.set("content-length", String(file?.size ?? 0));
  const seconds = form.get("cacheControl");
  if (typeof seconds === "string") headers.set("cache-control", `max-age=${seconds}`);
  const body = await file?.bytes() ?? new Uint8Array(0);
  return new Request(request.url, { method: request.method, headers, body });
}

/** supabase-js sends the file in a field without a name, which Deno's form reader leaves out. */
async function named(request: Request): Promise<Request> {
  const bytes = Buffer.from(await request.arrayBuffer());
  const at = bytes.indexOf('name=""; filename=');
  const [before, after] = [bytes.subarray(0, at + 6), bytes.subarray(at + 6)];
  const body = at < 0 ? bytes : Buffer.concat([before, Buffer.from("file"), after]);
  return new Request(request.url, { method: "POST", headers: request.headers, body });
}
