import { concat, errorResponse, type Message, message, readCString } from "./wire_messages.ts";

/**
 * `COPY … FROM STDIN`. PGlite takes a command and its data in one piece, while a client waits to
 * be asked for the data: it is asked here, and the piece is run when all of it has come.
 */
export class CopyIn {
  readonly #query: Message;
  #data: Uint8Array[] = [];
  complete = false;
  /** Set when the client gave up. */
  failed: Uint8Array | null = null;

  constructor(query: Message) {
    this.#query = query;
  }

  static isAskedFor(sql: string): boolean {
    return /^\s*copy\s[^;]*\sfrom\s+stdin\b/i.test(sql);
  }

  /** CopyInResponse: text format, of as many columns as come. */
  static request(): Uint8Array {
    return message("G", new Uint8Array(3));
  }

  get query(): string {
    return readCString(this.#query.body).text;
  }

  add(incoming: Message): void {
    if (incoming.type === "d") this.#data.push(message("d", incoming.body));
    if (incoming.type === "c") this.complete = true;
    if (incoming.type === "f") {
      this.complete = true;
      const { text } = readCString(incoming.body);
      this.failed = errorResponse("ERROR", "57014", `COPY from stdin failed: ${text}`);
    }
  }

  bytes(): Uint8Array {
    return concat([message("Q", this.#query.body), ...this.#data, message("c")]);
  }

  /** The database's answer without its own request for the data, which the client has had. */
  withoutRequest(answer: Uint8Array): Uint8Array {
    const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
    const isRequest = answer.length > 5 && answer[0] === "G".charCodeAt(0);
    return isRequest ? answer.subarray(1 + view.getInt32(1)) : answer;
  }
}
