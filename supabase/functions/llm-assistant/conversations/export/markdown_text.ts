/** Text that keeps to its place in a Markdown file, whatever it holds. */

/** A block of code around any text: its fence is longer than every run of backticks inside. */
export function fence(text: string, language = ""): string {
  const runs = text.match(/`+/g) ?? [];
  const longest = runs.reduce((length, run) => Math.max(length, run.length), 2);
  const ticks = "`".repeat(longest + 1);
  return `${ticks}${language}\n${text}\n${ticks}`;
}

/** Text as part of one line, with nothing in it that means something in Markdown. */
export const lineOf = (text: string): string =>
  text.replaceAll(/\s+/g, " ").trim().replaceAll(/[\\`*_[\]<>#|~]/g, "\\$&");

const OPENING = /^([\s>]*(?:(?:[-*+]|\d{1,9}[.)])\s+)*)(`{3,}(?!.*`)|~{3,})/;

/**
 * A message's own Markdown, made to end where the message does: code stays as it is, an open block of
 * code is closed, headings go below the file's own ones, and HTML outside of code is shown, not obeyed.
 */
export function containMarkdown(content: string): string {
  const lines: string[] = [];
  let open: { prefix: string; mark: string } | undefined;
  for (const line of content.replaceAll(/\r\n?/g, "\n").trimEnd().split("\n")) {
    if (open) {
      lines.push(line);
      if (closes(line, open.mark)) open = undefined;
      continue;
    }
    const [, prefix = "", mark] = OPENING.exec(line) ?? [];
    if (mark) {
      open = { prefix: prefix.replaceAll(/[^\s>]/g, " "), mark };
      lines.push(line);
      continue;
    }
    // Under a line of text, these would make a heading of it.
    if (/^ {0,3}(?:-+|=+)\s*$/.test(line) && lines.at(-1)?.trim()) lines.push("");
    lines.push(demote(showHtml(line)));
  }
  if (open) lines.push(`${open.prefix}${open.mark}`);
  return lines.join("\n");
}

const closes = (line: string, mark: string): boolean => {
  const [, closing = ""] = /^[\s>]*(`{3,}|~{3,})\s*$/.exec(line) ?? [];
  return closing.startsWith(mark);
};

/** Two levels down: the first two are the file's. */
const demote = (line: string): string =>
  line.replace(
    /^( {0,3})(#{1,6})(?=\s|$)/,
    (_, indent, marks) => `${indent}${`##${marks}`.slice(0, 6)}`,
  );

/** Escapes what would begin a tag or a comment, save in spans of code. One pass, whatever the line. */
function showHtml(line: string): string {
  // Texts, and between them the runs of backticks that may begin or end a span.
  const pieces = line.split(/(`+)/);
  const lastOf = new Map<number, number>();
  for (let at = 1; at < pieces.length; at += 2) lastOf.set(pieces[at]?.length ?? 0, at);
  let span: string | undefined;
  return pieces.map((piece, at) => {
    const isRun = at % 2 === 1;
    if (span !== undefined) {
      if (isRun && piece.length === span.length) span = undefined;
      return piece;
    }
    if (isRun && (lastOf.get(piece.length) ?? 0) > at) span = piece;
    return isRun ? piece : piece.replaceAll(/<(?=[A-Za-z/!?])/g, "\\<");
  }).join("");
}
