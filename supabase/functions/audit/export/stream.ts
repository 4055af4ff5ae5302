import { describeError, log } from "@shared/log.ts";
import type { ExportFormat, LogRow } from "./format.ts";

/** The rows that follow a row, oldest first; none at the end. */
export type ReadPage = (page: {
  after?: LogRow;
  limit: number;
  signal: AbortSignal;
}) => Promise<LogRow[]>;

/** Rows a page: few until it is known how long they are, and never more than PostgREST gives. */
const ROWS = { first: 100, most: 1_000 };
/** Text that a page is to have about, in bytes: rows that hold whole specs come fewer at a time. */
const PAGE_BYTES = 1024 * 1024;

/**
 * The log as a file, page by page as the client takes it: there is never more than one page in
 * memory that the client has not asked for, and none is read for a client that has gone.
 *
 * @returns once the first page is read; a failure after that breaks the stream off, so that a part
 *   of the log never passes for the whole
 * @throws what `read` throws for the first page
 */
export async function streamLog(
  read: ReadPage,
  format: ExportFormat,
  requestId: string,
): Promise<ReadableStream<Uint8Array>> {
  const gone = new AbortController();
  const encoder = new TextEncoder();
  let limit = ROWS.first;
  let after: LogRow | undefined;
  const readNext = () => read({ after, limit, signal: gone.signal });
  let page: LogRow[] | undefined = await readNext();

  return new ReadableStream<Uint8Array>({
    start(controller) {
      if (format.header) controller.enqueue(encoder.encode(format.header));
    },
    async pull(controller) {
      try {
        const rows = page ?? await readNext();
        page = undefined;
        // A short page is not the last one: a project may have PostgREST give less than was asked for.
        if (rows.length === 0) return controller.close();
        const bytes = encoder.encode(format.write(rows));
        limit = nextLimit(limit, bytes.length / rows.length);
        after = rows.at(-1);
        controller.enqueue(bytes);
      } catch (error) {
        if (gone.signal.aborted) return;
        log("error", { request_id: requestId, error: describeError(error) });
        throw error;
      }
    },
    cancel() {
      gone.abort();
    },
  });
}

function nextLimit(limit: number, bytesOfRow: number): number {
  const fitting = Math.max(1, Math.floor(PAGE_BYTES / bytesOfRow));
  return Math.min(fitting, limit * 4, ROWS.most);
}
