import { createHmac } from "node:crypto";
import type { Answer, Body } from "./answer.ts";
import { call } from "./client.ts";
import { expect } from "./expect.ts";
import { uniqueName } from "./pipelines.ts";
import type { User } from "./tenant.ts";

/** What the tests of the registry's catalog are made of. */

/** What no row has. */
export const UNKNOWN = "00000000-0000-4000-8000-000000000000";

/** A category, at the top unless a parent is given. */
export async function createCategory(
  user: User,
  parent: Body = null,
  name: string = uniqueName("category"),
): Promise<Body> {
  const body = { name, parent_id: parent?.id ?? null };
  return expect(await user.post("/pipelines/taxonomy", body), 201);
}

/** A block of this name and description. */
export async function describeBlock(
  user: User,
  name: string,
  description: string | null = null,
  block_type: "dataset" | "model" = "dataset",
): Promise<Body> {
  const spec = block_type === "dataset"
    ? { kind: "inline", rows: [] }
    : { kind: "jsonata", expression: "input" };
  const body = { name, description, block_type, spec };
  return expect(await user.post("/pipelines/blocks", body), 201);
}

/** An edge of this name and description. */
export async function describeEdge(
  user: User,
  name: string,
  description: string | null = null,
): Promise<Body> {
  const body = { name, description, spec: { kind: "identity" } };
  return expect(await user.post("/pipelines/edges", body), 201);
}

/** Puts a block into categories. */
export async function categorize(user: User, block: Body, ...categories: Body[]): Promise<Body> {
  const body = { category_ids: categories.map(({ id }) => id) };
  return expect(
    await user.send("PUT", `/pipelines/blocks/${block.id}/taxonomy`, { body }),
    200,
  );
}

/** Names that a search finds, best first. */
export async function findNames(
  user: User,
  query: Record<string, string | number>,
): Promise<string[]> {
  const search = new URLSearchParams(
    Object.entries(query).map(([key, value]) => [key, String(value)]),
  );
  const { data } = expect(await user.get(`/pipelines/search?${search}`), 200);
  return data.map(({ name }: Body) => name);
}

/** Declares that one block depends on another. */
export async function dependOn(
  user: User,
  [type, entity]: ["block" | "edge", Body],
  [depends_on_type, { id }]: ["block" | "edge", Body],
): Promise<Body> {
  const body = { dependency_type: "internal", depends_on_type, depends_on_id: id };
  return expect(await user.post(`/pipelines/${type}s/${entity.id}/dependencies`, body), 201);
}

/** A code repository of a block. */
export async function createRepo(
  user: User,
  block: Body,
  fields: Record<string, string> = {},
): Promise<Body> {
  const repo_url = `https://github.com/acme/${crypto.randomUUID()}`;
  const body = { entity_type: "block", entity_id: block.id, repo_url, ...fields };
  return expect(await user.post("/pipelines/repos", body), 201);
}

/** A docker image of a block. */
export async function createImage(
  user: User,
  block: Body,
  fields: Record<string, string> = {},
): Promise<Body> {
  const name = `acme/${crypto.randomUUID()}`;
  const body = { entity_type: "block", entity_id: block.id, name, ...fields };
  return expect(await user.post("/pipelines/images", body), 201);
}

/** Opens the webhook at a path such as `/pipelines/repos/<id>`; returns its secret. */
export async function openHook(user: User, path: string): Promise<string> {
  return expect(await user.post(`${path}/secret`, {}), 201).secret;
}

/** What a sender puts beside a body that it signs. */
export const signed = (secret: string, body: string): Record<string, string> => ({
  "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
});

/** Sends to a webhook as an outside service does: without any credential of the project. */
export function sendHook(
  path: string,
  rawBody: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const type = { "content-type": "application/json" };
  return call("POST", `${path}/hook`, {
    apikey: "",
    rawBody,
    headers: { ...type, ...headers },
  });
}
