import { dirname } from "node:path";
import { z } from "zod";

const metadataSchema = z.object({
  name: z.string(),
  entrypoint_path: z.string(),
  import_map_path: z.string(),
  verify_jwt: z.boolean(),
});

/** A function as the CLI has uploaded it. */
export type Upload = z.infer<typeof metadataSchema> & {
  /** Where its files are, laid out as they came. */
  folder: string;
  /** All its files together. */
  bytes: number;
};

/**
 * Plays the part of Supabase's management API that `functions deploy` talks to, and keeps what is
 * uploaded: a folder below `folder` for each function.
 */
export class ManagementApi implements AsyncDisposable {
  readonly uploads: Upload[] = [];
  readonly #folder: string;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(folder: string) {
    this.#folder = folder;
    const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    this.#server = Deno.serve(options, (request) => this.#answer(request));
  }

  /** A CLI profile (`--profile <file>`) that points at this server. */
  async writeProfile(file: string): Promise<void> {
    const url = `http://127.0.0.1:${this.#server.addr.port}`;
    const profile = {
      name: "edgeloom",
      api_url: url,
      dashboard_url: url,
      project_host: "localhost",
    };
    await Deno.writeTextFile(file, JSON.stringify(profile));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (request.method === "POST" && pathname.endsWith("/functions/deploy")) {
      const upload = await this.#keep(await request.formData());
      this.uploads.push(upload);
      const now = Date.now();
      const identity = { id: crypto.randomUUID(), slug: upload.name, ...upload };
      const state = { status: "ACTIVE", version: 1, created_at: now, updated_at: now };
      return Response.json({ ...identity, ...state }, { status: 201 });
    }
    if (request.method === "PUT") return Response.json({ functions: [] });
    return Response.json([]);
  }

  async #keep(form: FormData): Promise<Upload> {
    const metadata = metadataSchema.parse(JSON.parse(String(form.get("metadata"))));
    const folder = `${this.#folder}/${metadata.name}`;
    let bytes = 0;
    for (const file of form.getAll("file")) {
      if (!(file instanceof File)) continue;
      const path = `${folder}/${file.name}`;
      await Deno.mkdir(dirname(path), { recursive: true });
      await Deno.writeFile(path, await file.bytes());
      bytes += file.size;
    }
    return { ...metadata, folder, bytes };
  }
}
