/** What a class looks like: declarations that always hold, on light paper, and on dark. */
export type StyleRule = { selector: string; always?: string; light?: string; dark?: string };

const FONT = "system-ui,-apple-system,Segoe UI,Roboto,Noto Sans,sans-serif";

/** The class of a picture's root: its style sheet touches nothing else where it is put into a page. */
export const PICTURE_CLASS = "edgeloom-picture";

const THEME: readonly StyleRule[] = [
  { selector: "text", always: `font-family:${FONT};font-variant-numeric:tabular-nums` },
  { selector: ".paper", light: "fill:#ffffff", dark: "fill:#11151b" },
  { selector: ".muted", light: "fill:#57606c", dark: "fill:#a3acb8" },
  { selector: ".ink", light: "fill:#1a1f26", dark: "fill:#edf1f6" },
  { selector: ".strong", always: "font-weight:600", light: "fill:#1a1f26", dark: "fill:#edf1f6" },
  { selector: ".grid", light: "stroke:#e6e9ed", dark: "stroke:#272e38" },
  { selector: ".axis", light: "stroke:#8d96a1", dark: "stroke:#6d7784" },
  { selector: ".hint", always: "fill:transparent" },
];

/** The style sheet of a picture: the theme and `rules`, light, and dark where the reader prefers it. */
export function styleSheet(rules: readonly StyleRule[]): string {
  const all = [...THEME, ...rules];
  const write = (selector: string, declarations?: string) =>
    declarations ? `.${PICTURE_CLASS} ${selector}{${declarations}}` : "";
  const light = all.map(({ selector, always = "", light = "" }) =>
    write(selector, [always, light].filter((part) => part).join(";"))
  );
  const dark = all.map(({ selector, dark }) => write(selector, dark));
  return `${light.join("")}@media (prefers-color-scheme:dark){${dark.join("")}}`;
}
