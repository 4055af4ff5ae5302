/** How the upstream answers: when it begins, in how many parts, with how much time between them. */
export type Shape = { firstByteMs: number; chunks: number; gapMs: number };

/** The model that answers so. */
export const modelOf = ({ firstByteMs, chunks, gapMs }: Shape): string =>
  `bench-${firstByteMs}-${chunks}-${gapMs}`;

/** See {@link modelOf}. What is no such name answers at once, in one part. */
export function shapeOf(model: string): Shape {
  const [, firstByteMs = "0", chunks = "1", gapMs = "0"] =
    /^bench-(\d+)-(\d+)-(\d+)$/.exec(model) ??
      [];
  return { firstByteMs: Number(firstByteMs), chunks: Number(chunks), gapMs: Number(gapMs) };
}
