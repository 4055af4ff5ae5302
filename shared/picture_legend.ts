import { type Markup, markup, placed, text } from "@shared/svg.ts";
import { BOLD, fitText, textWidth } from "@shared/svg_text.ts";

const SIZE = 13;
const NAME_GAP = 8;
const ROW_HEIGHT = 26;
const GAP = 24;
const MAX_NAME = 240;

/** The height of a mark, and its width unless told, in pixels. */
export const MARK_SIZE = 16;

/** What one mark of a picture means; `total` is what it adds up to. */
export type LegendEntry = { mark: Markup; markWidth?: number; name: string; total?: string };

/** All entries, in as many rows as it takes; the top left corner is at 0, 0. */
export function legend(
  entries: readonly LegendEntry[],
  width: number,
): { content: Markup; height: number } {
  let [x, row] = [0, 0];
  const items = entries.map(({ mark, markWidth = MARK_SIZE, name, total }) => {
    const label = fitText(name, MAX_NAME, SIZE);
    const nameLeft = markWidth + NAME_GAP;
    const totalWidth = total ? textWidth(" ", SIZE) + textWidth(total, SIZE) * BOLD : 0;
    const itemWidth = nameLeft + textWidth(label, SIZE) + totalWidth;
    if (x > 0 && x + itemWidth > width) [x, row] = [0, row + 1];
    const left = x;
    x += itemWidth + GAP;
    const words = total ? markup`${label} <tspan class="strong">${total}</tspan>` : label;
    return placed(left, row * ROW_HEIGHT, [mark, text(words, { x: nameLeft, y: 13, size: SIZE })]);
  });
  return { content: markup`${items}`, height: (row + 1) * ROW_HEIGHT };
}
