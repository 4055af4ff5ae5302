/**
 * Where JSON text stops being JSON: the offset of the first character that no JSON text could have
 * there. V8's messages name it only sometimes.
 */
export function jsonErrorOffset(text: string): number {
  let [valid, broken] = [0, text.length];
  if (isPrefix(text, text.length)) return text.length;
  while (broken - valid > 1) {
    const middle = (valid + broken) >>> 1;
    if (isPrefix(text, middle)) valid = middle;
    else broken = middle;
  }
  return broken - 1;
}

/** The line and column, from 1, of an offset. */
export function positionAt(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: (before.at(-1) ?? "").length + 1 };
}

/** Whether the text's start is JSON that merely ends too early. */
function isPrefix(text: string, length: number): boolean {
  try {
    JSON.parse(text.slice(0, length));
    return true;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    if (/Unexpected end|Unterminated string/.test(error.message)) return true;
    return error.message.includes(`at position ${length}`);
  }
}
