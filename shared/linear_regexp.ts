import { type Matcher, RE2JS } from "re2js";

/**
 * A RegExp whose matching takes time linear in the text (RE2), so no pattern can stall the process.
 * It knows no back-references and no look-ahead: those throw when the expression is first used.
 *
 * It implements `exec` with `lastIndex`, and so `test`: what JSONata and JSON Schema call.
 */
export class LinearRegExp extends RegExp {
  readonly #compiled: RE2JS;
  #matcher?: { text: string; matcher: Matcher };

  constructor(pattern: RegExp | string, flags?: string) {
    super(pattern, flags);
    this.#compiled = compile(this);
  }

  override exec(text: string): RegExpExecArray | null {
    if (this.#matcher?.text !== text) {
      this.#matcher = { text, matcher: this.#compiled.matcher(text) };
    }
    const { matcher } = this.#matcher;
    const from = this.global ? this.lastIndex : 0;
    if (from > text.length || !matcher.find(from)) {
      this.lastIndex = 0;
      return null;
    }
    const index = matcher.start();
    if (this.global) this.lastIndex = matcher.end();
    const groups = Array.from({ length: matcher.groupCount() }, (_, i) => matcher.group(i + 1));
    const whole = matcher.group() ?? "";
    // A group that took no part is undefined in JavaScript; the declared type says string.
    const match: [string, ...string[]] = [whole];
    groups.forEach((group, i) => {
      if (group !== null) match[i + 1] = group;
    });
    match.length = groups.length + 1;
    return Object.assign(match, { index, input: text });
  }
}

const programs = new Map<string, RE2JS>();
const PROGRAMS = 100;

/** The same pattern is met for each row, as a new RegExp each time; its program is compiled once. */
function compile({ source, flags, ignoreCase, multiline }: RegExp): RE2JS {
  const key = `${flags}/${source}`;
  let program = programs.get(key);
  if (program === undefined) {
    const options = (ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) | (multiline ? RE2JS.MULTILINE : 0);
    program = RE2JS.compile(RE2JS.translateRegExp(source), options);
    if (programs.size >= PROGRAMS) programs.clear();
    programs.set(key, program);
  }
  return program;
}

/** `RegExp` itself, but what `new` makes is a {@link LinearRegExp}. */
export const LinearRegExpConstructor: RegExpConstructor = new Proxy(RegExp, {
  construct: (_target, [pattern, flags]) => new LinearRegExp(pattern, flags),
});
