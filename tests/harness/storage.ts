import type { Answer } from "./answer.ts";
import { stack } from "./stack.ts";
import type { User } from "./tenant.ts";

const address = (bucket: string, path: string) =>
  `${stack.url}/storage/v1/object/${bucket}/${path}`;

async function send(user: User, url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, {
    ...init,
    headers: {
      apikey: stack.publishableKey,
      authorization: `Bearer ${user.token}`,
      "content-type": init.method === "DELETE" ? "application/json" : "text/plain",
    },
  });
  const { status, headers } = response;
  return { status, headers, body: await response.text() };
}

/** Puts an object into a bucket as this user. */
export const upload = (user: User, bucket: string, path: string, body: string) =>
  send(user, address(bucket, path), { method: "POST", body });

/** Reads an object as this user; the body is its text. */
export const download = (user: User, bucket: string, path: string) =>
  send(user, address(bucket, path), { method: "GET" });

/** Takes an object away as this user, as supabase-js does it; the body lists what is gone. */
export const removeObject = (user: User, bucket: string, path: string) =>
  send(user, `${stack.url}/storage/v1/object/${bucket}`, {
    method: "DELETE",
    body: JSON.stringify({ prefixes: [path] }),
  });

/** Puts a data set into the user's organization's folder and returns its path in `datasets`. */
export async function uploadDataset(user: User, name: string, body: string): Promise<string> {
  const path = `${user.organizationId}/${crypto.randomUUID()}/${name}`;
  const { status, body: text } = await upload(user, "datasets", path, body);
  if (status !== 200) throw new Error(`The upload answered ${status}: ${text}`);
  return path;
}
