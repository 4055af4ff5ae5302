/** How a secret may be written down, and still be one for whoever reads it. */
export function spellings(secret: string): string[] {
  const bytes = new TextEncoder().encode(secret);
  const base64 = [0, 1, 2].map((offset) => inBase64(bytes, offset));
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const all = [
    secret,
    ...base64,
    ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
    hex,
    hex.toUpperCase(),
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    [...secret].reverse().join(""),
  ];
  return [...new Set(all)];
}

/** What is always the same of the base64 of a text that has the secret so many bytes after a third one. */
function inBase64(bytes: Uint8Array, offset: number): string {
  const text = new Uint8Array([...new Uint8Array(offset), ...bytes]).toBase64({
    omitPadding: true,
  });
  return text.slice(Math.ceil(offset * 8 / 6), Math.floor((offset + bytes.length) * 8 / 6));
}
