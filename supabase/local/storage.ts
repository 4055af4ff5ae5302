import type { App } from "@supabase/lite";
import { createHash } from "node:crypto";
import { z } from "zod";
import { writeWhole } from "./data_folder.ts";

/** Where Lite keeps the bytes of objects; what it knows about them is in the database. */
export type StorageAdapter = NonNullable<App["_storageAdapter"]>;
type ObjectMetadata = Awaited<ReturnType<StorageAdapter["headObject"]>>;
type Body = Parameters<StorageAdapter["uploadObject"]>[3];

/** What an object's entry says; the bytes are in the file that it names. */
const Entry = z.object({
  bucket: z.string(),
  key: z.string(),
  file: z.uuid(),
  size: z.number(),
  mimetype: z.string(),
  cacheControl: z.string(),
  eTag: z.string(),
  lastModified: z.iso.datetime(),
});
type Entry = z.infer<typeof Entry>;

/**
 * Keeps objects as files in one folder. A file's name is a hash, so no key can lead out of the
 * folder, clash with another's folder or be too long. The entry is what counts and is replaced as
 * a whole: a reader sees the old object or the new one.
 */
export class FolderStorage implements StorageAdapter {
  readonly driver = null;
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async getObject(bucket: string, key: string) {
    const entry = await this.#find(bucket, key);
    if (!entry) return { metadata: NOTHING, httpStatusCode: 404 };
    const file = await Deno.open(`${this.#folder}/${entry.file}`);
    return { metadata: metadataOf(entry), httpStatusCode: 200, body: file.readable };
  }

  async headObject(bucket: string, key: string): Promise<ObjectMetadata> {
    const entry = await this.#find(bucket, key);
    return entry ? metadataOf(entry) : NOTHING;
  }

  async uploadObject(
    bucket: string,
    key: string,
    _version: string | undefined,
    body: Body,
    mimetype: string,
    cacheControl: string,
  ): Promise<ObjectMetadata> {
    const file = crypto.randomUUID();
    const { size, eTag } = await this.#write(file, body);
    const lastModified = new Date().toISOString();
    const entry = { bucket, key, file, size, mimetype, cacheControl, eTag, lastModified };
    await this.#put(entry);
    return metadataOf(entry);
  }

  async deleteObject(bucket: string, key: string): Promise<void> {
    const entry = await this.#find(bucket, key);
    if (!entry) return;
    await Deno.remove(this.#entryPath(bucket, key));
    await Deno.remove(`${this.#folder}/${entry.file}`);
  }

  async deleteObjects(bucket: string, keys: string[]): Promise<void> {
    for (const key of keys) await this.deleteObject(bucket, key);
  }

  async copyObject(
    bucket: string,
    key: string,
    _version: string | undefined,
    toBucket: string,
    toKey: string,
  ) {
    const entry = await this.#find(bucket, key);
    if (!entry) throw new Deno.errors.NotFound(`${bucket}/${key}`);
    const file = crypto.randomUUID();
    await Deno.copyFile(`${this.#folder}/${entry.file}`, `${this.#folder}/${file}`);
    const copy = { ...entry, bucket: toBucket, key: toKey, file };
    await this.#put({ ...copy, lastModified: new Date().toISOString() });
    return { httpStatusCode: 200, eTag: copy.eTag, lastModified: new Date() };
  }

  privateAssetUrl(bucket: string, key: string): Promise<string> {
    return Promise.resolve(`file://${this.#entryPath(bucket, key)}`);
  }

  async #write(name: string, body: Body): Promise<{ size: number; eTag: string }> {
    await Deno.mkdir(this.#folder, { recursive: true });
    using file = await Deno.open(`${this.#folder}/${name}`, { write: true, createNew: true });
    const hash = createHash("md5");
    let size = 0;
    for await (const chunk of body instanceof Uint8Array ? [body] : body) {
      if (!(chunk instanceof Uint8Array)) throw new TypeError("An upload must be made of bytes.");
      hash.update(chunk);
      size += chunk.length;
      for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
    }
    return { size, eTag: `"${hash.digest("hex")}"` };
  }

  async #put(entry: Entry): Promise<void> {
    const old = await this.#find(entry.bucket, entry.key);
    await writeWhole(this.#entryPath(entry.bucket, entry.key), JSON.stringify(entry));
    if (old) await Deno.remove(`${this.#folder}/${old.file}`);
  }

  async #find(bucket: string, key: string): Promise<Entry | null> {
    try {
      return Entry.parse(JSON.parse(await Deno.readTextFile(this.#entryPath(bucket, key))));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }

  #entryPath(bucket: string, key: string): string {
    const hash = createHash("sha256").update(`${bucket}/${key}`).digest("hex");
    return `${this.#folder}/${hash}.json`;
  }
}

const NOTHING: ObjectMetadata = {
  cacheControl: "no-cache",
  contentLength: 0,
  size: 0,
  mimetype: "application/octet-stream",
  eTag: "",
};

function metadataOf(entry: Entry): ObjectMetadata {
  const { size, mimetype, cacheControl, eTag } = entry;
  const lastModified = new Date(entry.lastModified);
  return { size, contentLength: size, mimetype, cacheControl, eTag, lastModified };
}
