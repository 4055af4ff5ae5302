/** Widths in ems of a wide system font, so that in any other font a text is no wider than we think. */
const WIDTHS: readonly (readonly [RegExp, number])[] = [
  [/\p{M}/u, 0],
  [/[ijl.,:;|!'I ]/, 0.36],
  [/[frt()\[\]/\\-]/, 0.43],
  [/[mwMW@%—]/, 1],
  [/\p{Lu}/u, 0.77],
  [/[\u{1100}-\u{11FF}\u{2E80}-\u{FFFD}]/u, 1.05],
  [/[\u{10000}-\u{10FFFF}]/u, 1.4],
];

/** How much wider than plain text bold text is. */
export const BOLD = 1.1;

const widthOf = (char: string) => WIDTHS.find(([pattern]) => pattern.test(char))?.[1] ?? 0.65;

/** The most room that a text takes in a system font, in pixels of a font of `size`. */
export function textWidth(text: string, size: number): number {
  return size * [...text].reduce((sum, char) => sum + widthOf(char), 0);
}

/** The text, or as much of its start as `width` pixels hold and an ellipsis. */
export function fitText(text: string, width: number, size: number): string {
  if (textWidth(text, size) <= width) return text;
  let fitting = "";
  let left = width - textWidth("…", size);
  for (const char of text) {
    left -= textWidth(char, size);
    if (left < 0) break;
    fitting += char;
  }
  return `${fitting.trimEnd()}…`;
}
