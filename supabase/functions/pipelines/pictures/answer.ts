/** Headers of a picture in whatever form: the form is the Accept header's, the state of now. */
const HEADERS = { vary: "accept", "cache-control": "no-store" };

/** The data behind a picture. */
export const answerJson = (value: unknown): Response => Response.json(value, { headers: HEADERS });

/** A picture, or its source. */
export const answerText = (text: string, type: string): Response =>
  new Response(text, { headers: { ...HEADERS, "content-type": type } });
