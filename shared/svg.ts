/** SVG that is safe to put into SVG: what {@link markup} made. */
export class Markup {
  constructor(readonly source: string) {}
}

/** What may stand in a template: text is escaped, numbers are rounded, markup stays. */
export type Part = string | number | Markup | readonly Part[];

/**
 * A template for SVG that escapes all text put into it.
 *
 * @example
 * ```ts
 * markup`<text x="${1 / 3}">${"<b>"}</text>`.source; // <text x="0.33">&lt;b&gt;</text>
 * ```
 */
export function markup(strings: TemplateStringsArray, ...parts: Part[]): Markup {
  return new Markup(String.raw({ raw: strings }, ...parts.map(render)));
}

function render(part: Part): string {
  if (part instanceof Markup) return part.source;
  if (typeof part === "number") return String(Math.round(part * 100) / 100);
  return typeof part === "string" ? escapeXml(part) : part.map(render).join("");
}

/** A group moved to this place. */
export const placed = (x: number, y: number, content: Part): Markup =>
  markup`<g transform="translate(${x} ${y})">${content}</g>`;

/** A line of text, its baseline at this place; `kind` is a class of the style sheet. */
export function text(
  content: Part,
  { x = 0, y = 0, size, anchor = "start", kind = "muted" }: {
    x?: number;
    y?: number;
    size: number;
    anchor?: "start" | "middle" | "end";
    kind?: "muted" | "ink" | "strong";
  },
): Markup {
  return markup`<text class="${kind}" x="${x}" y="${y}" font-size="${size}" text-anchor="${anchor}">${content}</text>`;
}

const ENTITIES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text for XML, in elements and attributes. What no XML may hold (NUL, half a pair …) is shown as �. */
export const escapeXml = (content: string): string =>
  content.replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD")
    .replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
