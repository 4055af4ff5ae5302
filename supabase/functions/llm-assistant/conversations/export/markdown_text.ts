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

/** Indentation and list markers, and after them what begins a block of code. */
const OPENING = /^([ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*)((`{3,}(?![^]*`)|~{3,})[^]*)$/;

/**
 * A message's own Markdown, made to end where the message does: code stays as it is, an open block of
 * code is closed, headings go below the file's own ones, and HTML outside of code is shown, not obeyed.
 *
 * A block of code in a list ends with its item, which a line of any other indentation does: so that it
 * ends where we say it does, it is moved to the left margin.
 */
export function containMarkdown(content: string): string {
  const lines: string[] = [];
  let open: { indent: RegExp; mark: string } | undefined;
  let spans = true;
  for (let line of content.replaceAll(/\r\n?/g, "\n").trimEnd().split("\n")) {
    if (open) {
      const inside = line.replace(open.indent, "");
      const isEnd = closes(inside, open.mark);
      // Not all take a mark for an end that spaces surround.
      lines.push(isEnd ? open.mark : inside);
      if (isEnd) open = undefined;
      continue;
    }
    const [, prefix = "", block, mark] = OPENING.exec(line) ?? [];
    // With a bar in it, some read the head of a table.
    if (block?.includes("|")) line = `${prefix}\\${block}`;
    else if (block !== undefined && mark !== undefined) {
      open = { indent: new RegExp(`^[ \\t]{0,${Math.min(prefix.length, 100)}}`), mark };
      // The marker of a list stays; under a line of text, it might make a heading of it.
      if (prefix.trim()) lines.push(...(lines.at(-1)?.trim() ? [""] : []), prefix.trimEnd());
      lines.push(block);
      spans = true;
      continue;
    }
    // Under a line of text, these would make a heading of it.
    if (/^ {0,3}(?:-+|=+)\s*$/.test(line) && lines.at(-1)?.trim()) lines.push("");
    if (/^[ \t]*$/.test(line)) spans = true;
    // The cells of a table are texts by themselves: no span goes from one to another. Nor is there one
    // in the address of a link, which may be on the next line.
    spans &&= !/\][(:]/.test(line);
    const shown = showHtml(line, spans && !line.includes("|"));
    spans &&= shown.isClosed;
    lines.push(demote(shown.text));
  }
  if (open) lines.push(open.mark);
  return lines.join("\n");
}

const closes = (line: string, mark: string): boolean => {
  const [, closing = ""] = /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(line) ?? [];
  return closing.startsWith(mark);
};

/** Two levels down: the first two are the file's. */
const demote = (line: string): string =>
  line.replace(
    /^( {0,3})(#{1,6})(?=\s|$)/,
    (_, indent, marks) => `${indent}${`##${marks}`.slice(0, 6)}`,
  );

/**
 * Escapes what would begin a tag or a comment, save in spans of code. `isClosed` is false where backticks
 * are left that a later line of the paragraph may pair: from there on no line tells what is a span.
 */
function showHtml(line: string, spans: boolean): { text: string; isClosed: boolean } {
  const lastOf = new Map<number, number>();
  for (const { 0: run, index } of line.matchAll(/`+/g)) lastOf.set(run.length, index);
  // What a backslash takes its meaning from is no tag, and begins no span.
  const token = /\\[\\`<]|`+|[^\\`]+|\\/g;
  const shown: string[] = [];
  let isClosed = true;
  for (let match = token.exec(line); match; match = token.exec(line)) {
    const [piece] = match;
    if (!piece.startsWith("`")) {
      shown.push(piece.startsWith("\\") ? piece : piece.replaceAll(/<(?=[A-Za-z/!?])/g, "\\<"));
      continue;
    }
    const isSpan = spans && (lastOf.get(piece.length) ?? -1) >= token.lastIndex;
    if (isSpan) token.lastIndex = endOfSpan(line, token.lastIndex, piece.length);
    else isClosed = false;
    shown.push(line.slice(match.index, token.lastIndex));
  }
  return { text: shown.join(""), isClosed };
}

/** Where the next run of so many backticks ends. */
function endOfSpan(line: string, from: number, length: number): number {
  const run = /`+/g;
  run.lastIndex = from;
  while ((run.exec(line)?.[0].length ?? length) !== length);
  return run.lastIndex;
}
