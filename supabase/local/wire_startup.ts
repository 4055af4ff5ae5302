import { concat, cString, message, readCString, readyForQuery } from "./wire_messages.ts";

const SSL_REQUEST = 80877103;
const GSS_REQUEST = 80877104;
const PROTOCOL_3 = 3;

/** The first thing a client sends; it has no type, only a length and a code. */
export type Opening =
  | { readonly kind: "encryption" }
  | { readonly kind: "startup"; readonly parameters: ReadonlyMap<string, string> }
  | { readonly kind: "unknown" };

/** Reads an opening as soon as all of it is there. */
export function readOpening(bytes: Uint8Array): { opening: Opening; rest: Uint8Array } | null {
  if (bytes.length < 8) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getInt32(0);
  if (bytes.length < length) return null;
  const code = view.getInt32(4);
  const rest = bytes.subarray(length);
  if (code === SSL_REQUEST || code === GSS_REQUEST) {
    return { opening: { kind: "encryption" }, rest };
  }
  if (code >> 16 !== PROTOCOL_3) return { opening: { kind: "unknown" }, rest };
  const parameters = readParameters(bytes.subarray(8, length));
  return { opening: { kind: "startup", parameters }, rest };
}

/** The settings that a client asks for when it connects; the others say who it is. */
export function requestedSettings(parameters: ReadonlyMap<string, string>): Map<string, string> {
  const identity = new Set(["user", "database", "options", "replication", "client_encoding"]);
  const asked = [...parameters].filter(([name]) => !identity.has(name) && !name.startsWith("_pq_"));
  const options = parameters.get("options") ?? "";
  const flags = [...options.matchAll(/(?:-c\s*|--)([\w.]+)=((?:\\.|\S)*)/g)];
  return new Map([
    ...asked,
    ...flags.map(([, name = "", value = ""]): [string, string] => [
      name.replaceAll("-", "_"),
      value.replaceAll(/\\(.)/g, "$1"),
    ]),
  ]);
}

/** Lets a client in: any password is right on one's own machine, so none is asked for. */
export function welcome(parameters: Record<string, string>): Uint8Array<ArrayBuffer> {
  const ok = new Uint8Array(4);
  const processAndSecret = new Uint8Array(8);
  return concat([
    message("R", ok),
    ...Object.entries(parameters).map(([name, value]) =>
      message("S", cString(name), cString(value))
    ),
    message("K", processAndSecret),
    readyForQuery("I"),
  ]);
}

function readParameters(bytes: Uint8Array): Map<string, string> {
  const parameters = new Map<string, string>();
  let at = 0;
  while (at < bytes.length && bytes[at] !== 0) {
    const name = readCString(bytes, at);
    const value = readCString(bytes, name.next);
    parameters.set(name.text, value.text);
    at = value.next;
  }
  return parameters;
}
