import { PICTURE_CLASS, type StyleRule, styleSheet } from "@shared/picture_theme.ts";
import { type Markup, markup, type Part } from "@shared/svg.ts";

/** Room around a picture's content, in pixels. */
export const PADDING = 24;

/** What a picture is made of. Texts may hold anything. */
export type Picture = {
  /** Its name, and what it shows in words: for readers who can't see it. */
  title: string;
  summary: string;
  width: number;
  height: number;
  /** Looks beyond the theme's. */
  rules: readonly StyleRule[];
  /** Patterns, markers: what the content refers to. */
  definitions?: Markup;
  content: Part;
};

/**
 * An SVG document of its own: named and described, on paper, light and dark as the reader prefers. No
 * scripts, nothing from elsewhere.
 */
export function picture({ title, summary, width, height, rules, ...parts }: Picture): string {
  const size = markup`width="${width}" height="${height}"`;
  return markup`<svg xmlns="http://www.w3.org/2000/svg" ${size} viewBox="0 0 ${width} ${height}" role="img" class="${PICTURE_CLASS}">${[
    markup`<title>${title}</title><desc>${summary}</desc><style>${styleSheet(rules)}</style>`,
    parts.definitions ?? "",
    markup`<rect class="paper" ${size}/>`,
    parts.content,
  ]}</svg>`.source;
}
