/** One message of PostgreSQL's protocol: its type's letter and the bytes after its length. */
export interface Message {
  readonly type: string;
  readonly body: Uint8Array;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Joins byte arrays. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Strings end with a zero byte in the protocol. */
export function cString(text: string): Uint8Array {
  return encoder.encode(`${text}\0`);
}

/** Reads a string and tells where the next field starts. */
export function readCString(bytes: Uint8Array, from = 0): { text: string; next: number } {
  const end = bytes.indexOf(0, from);
  return { text: decoder.decode(bytes.subarray(from, end)), next: end + 1 };
}

/** Frames a message. */
export function message(type: string, ...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const body = concat(parts);
  const frame = new Uint8Array(5 + body.length);
  frame[0] = type.charCodeAt(0);
  new DataView(frame.buffer).setInt32(1, 4 + body.length);
  frame.set(body, 5);
  return frame;
}

/** Splits bytes into whole messages; what is left belongs to a message still to come. */
export function split(bytes: Uint8Array): { messages: Message[]; rest: Uint8Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: Message[] = [];
  let at = 0;
  while (at + 5 <= bytes.length) {
    const end = at + 1 + view.getInt32(at + 1);
    if (end > bytes.length) break;
    messages.push({
      type: String.fromCharCode(bytes[at] ?? 0),
      body: bytes.subarray(at + 5, end),
    });
    at = end;
  }
  return { messages, rest: bytes.subarray(at) };
}

/** An error that the client shows; `FATAL` ends the connection, as the server would. */
export function errorResponse(severity: "ERROR" | "FATAL", code: string, text: string) {
  return message(
    "E",
    cString(`S${severity}`),
    cString(`V${severity}`),
    cString(`C${code}`),
    cString(`M${text}`),
    new Uint8Array(1),
  );
}

/** `I` idle, `T` in a transaction, `E` in a failed one. */
export function readyForQuery(status: "I" | "T" | "E") {
  return message("Z", encoder.encode(status));
}
