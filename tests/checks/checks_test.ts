import assert from "node:assert/strict";
import { importProblems } from "./imports.ts";
import { readTap } from "./pgtap.ts";

/** Apart from its argument, so that the check does not take it for an import of this file. */
const LAZY = "await import";

/** The problems of a tree with one file that imports another. */
function problems(path: string, text: string, others: Record<string, string> = {}): string[] {
  const files = Object.entries({ ...others, [path]: text });
  return importProblems(files.map(([path, text]) => ({ path, text })), new Set(["hono"]));
}

Deno.test("imports that break no rule are no problem", () => {
  const others = { "shared/app.ts": "", "supabase/functions/keys/app.ts": "" };
  const text = 'import { Hono } from "hono";\nimport "hono/cors";\nimport fs from "node:fs";\n' +
    'import {\n  app,\n} from "@shared/app.ts";\nexport * from "./app.ts";\n';
  assert.deepEqual(problems("supabase/functions/keys/index.ts", text, others), []);
});

Deno.test("each broken rule of imports is found, however the import is written", () => {
  const others = {
    "supabase/functions/keys/app.ts": "",
    "supabase/local/stack.ts": "",
    "shared/app.ts": "",
  };
  const cases: [path: string, text: string, expected: RegExp][] = [
    ["supabase/functions/audit/app.ts", 'import { a } from "../keys/app.ts";', /shared and itself/],
    ["supabase/functions/audit/app.ts", `${LAZY}("../keys/app.ts");`, /shared and itself/],
    ["shared/x.ts", 'export { a } from "../supabase/functions/keys/app.ts";', /shared and itself/],
    ["shared/x.ts", 'import "../supabase/local/stack.ts";', /shared and itself/],
    ["supabase/x.ts", 'import "./local/stack.ts";', /for tests alone/],
    ["shared/x.ts", 'import type { A } from "postgres";', /not among the dependencies/],
    ["tests/x.ts", 'import a from "npm:hono@4";', /deno\.json names packages/],
    ["tests/x.ts", 'import a from "./missing.ts";', /no such file/],
    [
      "shared/x.ts",
      'import {\n  type A,\n} from "./x.ts";',
      /Circle .*shared\/x\.ts → shared\/x\.ts/,
    ],
  ];
  for (const [path, text, expected] of cases) {
    const found = problems(path, text, others);
    assert.equal(found.length, 1, text);
    assert.match(found[0] ?? "", expected);
  }
});

Deno.test("TAP is counted, and a plan that was not kept is a failure", () => {
  const answer = (...lines: string[]) => readTap(lines.map((line) => [{ ok: line }]));
  assert.deepEqual(answer("1..2", "ok 1 - a", "ok 2 - b"), { passed: 2, problems: [] });
  assert.deepEqual(answer("1..2", "ok 1 - a", "not ok 2 - b\n# Failed test 2"), {
    passed: 1,
    problems: ["not ok 2 - b\n    # Failed test 2"],
  });
  assert.deepEqual(answer("1..2", "ok 1 - a").problems, ["it planned 2 assertions and ran 1"]);
  assert.deepEqual(answer("ok 1 - a").problems, ["it has no plan"]);
});
