/**
 * A body's text, read as far as a limit: what is longer is cut, and not read on.
 *
 * @param maxBytes of the body, not of the text
 * @throws what the body breaks off with
 *
 * @example
 * ```ts
 * const { text, isWhole } = await readText(response.body, 64 * 1024);
 * ```
 */
export async function readText(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<{ text: string; isWhole: boolean }> {
  const decoder = new TextDecoder();
  let text = "";
  let length = 0;
  for await (const part of body ?? []) {
    length += part.length;
    if (length > maxBytes) return { text, isWhole: false };
    text += decoder.decode(part, { stream: true });
  }
  return { text: text + decoder.decode(), isWhole: true };
}
