import assert from "node:assert/strict";
import { appendFile } from "node:fs/promises";
import process from "node:process";
import { type Schema, Validator } from "@cfworker/json-schema";
import type { Answer, Body } from "./answer.ts";
import { stack } from "./stack.ts";

/** Holds every answer that the tests get against what the function's OpenAPI document declares. */

export type Operation = {
  operationId: string;
  description: string;
  security: Record<string, string[]>[];
  responses: Record<string, { description: string; content?: Record<string, { schema?: Schema }> }>;
};

type Document = { paths: Record<string, Record<string, Operation>>; components: Schema };

const documents = new Map<string, Promise<Document>>();
const exercised = new Set<string>();

/** The OpenAPI document of a function; fetched once. */
export function openApi(domain: string): Promise<Body> {
  const document = documents.get(domain) ?? fetchDocument(domain);
  documents.set(domain, document);
  return document;
}

async function fetchDocument(domain: string): Promise<Body> {
  const response = await fetch(`${stack.url}/functions/v1/${domain}/openapi.json`);
  const document = await response.json();
  assert.equal(response.status, 200, `${domain} has no document: ${JSON.stringify(document)}`);
  return document;
}

/**
 * Fails where an answer's status or error code is not declared for its operation, or its JSON does
 * not satisfy the declared schema. The operations that succeeded are appended to the file that
 * EDGELOOM_COVERAGE names, an operationId a line.
 */
export async function checkAnswer(method: string, path: string, answer: Answer): Promise<void> {
  if (method === "OPTIONS") return;
  const [, domain = ""] = path.split("/");
  const document: Document = await openApi(domain);
  const operation = findOperation(document, method, path);
  const where = `${method} ${path} (${operation?.operationId ?? "no operation"})`;
  if (answer.status >= 400) checkError(document, where, domain, path, answer);
  if (!operation) {
    assert.ok([404, 405].includes(answer.status), `${where} answered ${answer.status}`);
    return;
  }
  const declared = operation.responses[answer.status];
  assert.ok(
    declared,
    `${where} answered ${answer.status}, which it does not declare: ${JSON.stringify(answer.body)}`,
  );
  if (answer.status >= 400) {
    const { code } = answer.body.error ?? answer.body;
    assert.ok(
      declared.description.includes(`\`${code}\``),
      `${where} answered ${answer.status} with the code ${code}, which it does not declare`,
    );
    return;
  }
  checkBody(document, where, declared.content, answer);
  await note(operation.operationId);
}

/** The operation that a path is of: where templates compete, fixed segments win over `{…}`. */
export function findOperation(
  { paths }: Document,
  method: string,
  path: string,
): Operation | undefined {
  const segments = path.replace(/\/$/, "").split("/");
  const fits = (template: string[]) =>
    template.length === segments.length &&
    template.every((part, i) => part.startsWith("{") || part === segments[i]);
  const rank = (template: string[]) =>
    template.map((part) => part.startsWith("{") ? "1" : "0").join("");
  const [best] = Object.entries(paths)
    .map(([template, operations]) => ({ template: template.split("/"), operations }))
    .filter(({ template, operations }) => method.toLowerCase() in operations && fits(template))
    .sort((a, b) => rank(a.template) < rank(b.template) ? -1 : 1);
  return best?.operations[method.toLowerCase()];
}

/** Where a function speaks OpenAI's format, its errors do too: a client knows no other. */
function checkError(
  document: Document,
  where: string,
  domain: string,
  path: string,
  answer: Answer,
) {
  if (!path.startsWith(`/${domain}/v1/`)) return checkProblem(document, where, answer);
  assert.equal(answer.headers.get("content-type"), "application/json", `${where}: ${answer.body}`);
  assertValid(document, { $ref: "#/components/schemas/OpenAiError" }, answer.body, where);
}

function checkProblem(document: Document, where: string, { status, headers, body }: Answer): void {
  assert.equal(headers.get("content-type"), "application/problem+json", `${where}: ${body}`);
  assertValid(document, { $ref: "#/components/schemas/Problem" }, body, where);
  assert.equal(body.status, status, `${where}: the problem's status is not the answer's`);
  assert.equal(body.message, body.detail, `${where}: message does not repeat detail`);
  assert.equal(body.request_id, headers.get("x-request-id"), `${where}: another request_id`);
}

function checkBody(
  document: Document,
  where: string,
  content: Record<string, { schema?: Schema }> = {},
  { headers, body }: Answer,
): void {
  const [type = ""] = (headers.get("content-type") ?? "").split(";");
  if (Object.keys(content).length === 0) {
    return assert.equal(body, "", `${where}: a body that is not declared`);
  }
  const declared = content[type];
  assert.ok(declared, `${where} answered with ${type}, which it does not declare`);
  if (type === "application/json") assertValid(document, declared.schema ?? {}, body, where);
}

/** Fails with the broken rules where a value does not satisfy a schema of the document. */
export function assertValid(document: Document, schema: Schema, value: unknown, what: string) {
  const whole = { ...schema, components: document.components };
  const { valid, errors } = new Validator(whole, "2020-12", false).validate(value);
  const broken = errors.map(({ instanceLocation, error }) => `${instanceLocation}: ${error}`);
  assert.ok(valid, `${what} does not satisfy its schema:\n${broken.slice(-5).join("\n")}`);
}

async function note(operationId: string): Promise<void> {
  const file = process.env.EDGELOOM_COVERAGE;
  if (!file || exercised.has(operationId)) return;
  exercised.add(operationId);
  await appendFile(file, `${operationId}\n`);
}
