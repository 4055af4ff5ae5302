import { storableText } from "@shared/json.ts";
import type { PublicResponse } from "@shared/network.ts";

/** Bytes of a receiver's answer that the log keeps. */
const BODY_BYTES = 4096;
const MAX_HEADERS = 50;
const HEADER_LENGTH = 1000;

/** What a receiver sets for itself is not for every member to read. */
const PRIVATE_HEADERS = ["set-cookie", "authorization", "proxy-authenticate", "www-authenticate"];

/** What the log keeps of an answer: no secret, should the receiver send one back. */
export function recordResponse(response: PublicResponse, secrets: readonly string[]) {
  const clean = (text: string) =>
    secrets.reduce(
      (rest, secret) =>
        rest.replaceAll(secret, "[secret]").replaceAll(secret.replace("whsec_", ""), "[secret]"),
      storableText(text),
    );
  const headers = Object.entries(response.headers)
    .filter(([name]) => !PRIVATE_HEADERS.includes(name)).slice(0, MAX_HEADERS)
    .map(([name, value]) => [name, clean(value).slice(0, HEADER_LENGTH)]);
  return {
    response_status: response.status,
    response_headers: Object.fromEntries(headers),
    response_body: cut(clean(new TextDecoder().decode(response.body))),
  };
}

/** The beginning of a text: whole characters, as many as fit. */
function cut(text: string): string {
  const bytes = new TextEncoder().encode(text).subarray(0, BODY_BYTES);
  return new TextDecoder().decode(bytes, { stream: true });
}
