import { type Markup, markup, text } from "@shared/svg.ts";
import { BOLD, fitText, textWidth } from "@shared/svg_text.ts";

const TITLE_SIZE = 18;
const TEXT_SIZE = 13;
const FIGURE_SIZE = 24;
const GAP = 32;

/** How high a header is, in pixels. */
export const HEADER_HEIGHT = 44;

/** What stands above a picture: its name, a line about it, and the figure that sums it up. */
export type Header = {
  title: string;
  subtitle: string;
  figure?: { value: string; caption: string };
};

/** Title and subtitle at the left, the figure at the right; the top left corner is at 0, 0. */
export function header({ title, subtitle, figure }: Header, width: number): Markup {
  const taken = figure
    ? GAP +
      Math.max(textWidth(figure.value, FIGURE_SIZE) * BOLD, textWidth(figure.caption, TEXT_SIZE))
    : 0;
  const room = width - taken;
  const right = { x: width, anchor: "end" } as const;
  return markup`${[
    text(fitText(title, room / BOLD, TITLE_SIZE), { y: 18, size: TITLE_SIZE, kind: "strong" }),
    text(fitText(subtitle, room, TEXT_SIZE), { y: 40, size: TEXT_SIZE }),
    figure ? text(figure.value, { ...right, y: 20, size: FIGURE_SIZE, kind: "strong" }) : "",
    figure ? text(figure.caption, { ...right, y: 40, size: TEXT_SIZE }) : "",
  ]}`;
}
