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
    this.#compiled = compile(pattern instanceof RegExp ? pattern : this);
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

const compiled = new WeakMap<RegExp, RE2JS>();

/** JSONata makes a new engine each time it meets the same literal; its program is compiled once. */
function compile(pattern: RegExp): RE2JS {
  let program = compiled.get(pattern);
  if (program === undefined) {
    const flags = (pattern.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) |
      (pattern.multiline ? RE2JS.MULTILINE : 0);
    program = RE2JS.compile(RE2JS.translateRegExp(pattern.source), flags);
    compiled.set(pattern, program);
  }
  return program;
}

/** `RegExp` itself, but what `new` makes is a {@link LinearRegExp}. */
export const LinearRegExpConstructor: RegExpConstructor = new Proxy(RegExp, {
  construct: (_target, [pattern, flags]) => new LinearRegExp(pattern, flags),
});
