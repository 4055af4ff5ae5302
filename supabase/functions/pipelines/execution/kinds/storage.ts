import type { Json } from "@shared/json.ts";
import type { BlockContext } from "../context.ts";
import { MEDIA_TYPES, parseRows, serializeRows } from "../formats.ts";
import { callProject } from "../project_api.ts";
import { inputRows } from "./rows.ts";
import type { DatasetOf } from "./specs.ts";

type Spec = DatasetOf<"storage">;

const CODES = { notFound: "object_not_found", failed: "storage_failed" };

/** The rows of a file in Storage, as the run's user may read it. */
export async function readStorage(spec: Spec, { api, signal }: BlockContext): Promise<Json> {
  const text = await callProject(api, {
    url: objectUrl(api.storageUrl, spec),
    method: "GET",
    source: `${spec.bucket}/${spec.path}`,
    codes: CODES,
    signal,
  });
  return await parseRows(text, spec.format);
}

/**
 * Writes rows to a file in Storage, over what is there; repeating it changes nothing. Returns
 * `{bucket, path, format, rows}` with the number of rows.
 */
export async function writeStorage(
  spec: Spec,
  input: Json,
  { api, signal }: BlockContext,
): Promise<Json> {
  const { bucket, path, format } = spec;
  const rows = inputRows(input);
  await callProject(api, {
    url: objectUrl(api.storageUrl, spec),
    method: "POST",
    headers: { "content-type": MEDIA_TYPES[format], "x-upsert": "true" },
    body: await serializeRows(rows, format),
    source: `${bucket}/${path}`,
    codes: CODES,
    signal,
  });
  return { bucket, path, format, rows: rows.length };
}

function objectUrl(storageUrl: string, { bucket, path }: Spec): string {
  const segments = [bucket, ...path.split("/")].map(encodeURIComponent);
  return `${storageUrl}/object/${segments.join("/")}`;
}
