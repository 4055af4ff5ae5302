import { parseAccept } from "hono/utils/accept";

/** A form that a route can answer in: its name in `?format=`, and its media type. */
export type Offer<Format extends string> = { format: Format; type: string };

/**
 * The format to answer in: what `?format=` names, else what the Accept header prefers, else the first
 * offer. Where the header likes two as well as each other, the one that it names more exactly wins.
 *
 * @example
 * ```ts
 * const offers = [
 *   { format: "json", type: "application/json" },
 *   { format: "svg", type: "image/svg+xml" },
 * ] as const;
 * negotiate(new Request("http://localhost", { headers: { accept: "image/*" } }), undefined, offers); // "svg"
 * ```
 */
export function negotiate<Format extends string>(
  request: Request,
  named: Format | undefined,
  offers: readonly [Offer<Format>, ...Offer<Format>[]],
): Format {
  if (named !== undefined) return named;
  const accepted = parseAccept(request.headers.get("accept") ?? "");
  const preferred = offers
    .map(({ format, type }) => ({ format, ...preference(type, accepted) }))
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality || a.vagueness - b.vagueness);
  return (preferred[0] ?? offers[0]).format;
}

/** How much a header likes a media type (RFC 9110, 12.5.1): what names it most exactly says so. */
function preference(type: string, accepted: readonly { type: string; q: number }[]) {
  const [family] = type.split("/");
  const names = [type, `${family}/*`, "*/*"];
  const vagueness = names.findIndex((name) => accepted.some(isNamed(name)));
  const quality = accepted.find(isNamed(names[vagueness]))?.q ?? 0;
  return { quality, vagueness };
}

const isNamed = (name: string | undefined) => ({ type }: { type: string }) =>
  type.toLowerCase() === name;
