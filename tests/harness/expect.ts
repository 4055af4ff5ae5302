import assert from "node:assert/strict";
import type { Answer, Body } from "./answer.ts";

const describe = ({ status, body }: Answer) => `answered ${status}: ${JSON.stringify(body)}`;

/** The body of an answer that must have this status. */
export function expect(answer: Answer, status: number): Body {
  assert.equal(answer.status, status, describe(answer));
  return answer.body;
}

/**
 * Asserts a refusal: its status, its code and, for bad input, the paths that `errors[]` must name. One
 * in OpenAI's format is returned as the problem that it would be elsewhere.
 */
export function refused(
  answer: Answer,
  status: number,
  code: string,
  paths: readonly string[] = [],
): Body {
  assert.equal(answer.status, status, describe(answer));
  const body = asProblem(answer.body);
  assert.equal(body.code, code, describe(answer));
  const named = (body.errors ?? []).map(({ path }: { path: string }) => path);
  for (const path of paths) {
    assert.ok(named.includes(path), `errors[] lacks the path ${path}: ${JSON.stringify(named)}`);
  }
  return body;
}

const asProblem = (body: Body): Body =>
  body.error
    ? {
      code: body.error.code,
      detail: body.error.message,
      errors: body.error.param ? [{ path: body.error.param }] : [],
    }
    : body;
