import { concat, cString, type Message, message, readCString } from "./wire_messages.ts";

/**
 * The prepared statements of one client. All clients share the database's one session, so each
 * gets names of its own there. The unnamed statement, too: a client may prepare it in one batch and
 * use it in the next, and Lite uses it in between.
 */
export class Statements {
  readonly #prefix: string;
  readonly #named = new Set<string>();
  #unnamed = 0;
  #stale: string[] = [];

  constructor(client: number) {
    this.#prefix = `wire_${client}_`;
  }

  /** The message as the database gets it. */
  rename({ type, body }: Message): Uint8Array {
    if (type === "P") {
      const { text, next } = readCString(body);
      return message(type, cString(this.#parsed(text)), body.subarray(next));
    }
    if (type === "B") {
      const portal = readCString(body);
      const statement = readCString(body, portal.next);
      return message(
        type,
        cString(portal.text),
        cString(this.#known(statement.text)),
        body.subarray(statement.next),
      );
    }
    const about = String.fromCharCode(body[0] ?? 0);
    if ((type === "D" || type === "C") && about === "S") {
      const { text } = readCString(body, 1);
      if (type === "C") this.#named.delete(text);
      return message(type, body.subarray(0, 1), cString(this.#known(text)));
    }
    return message(type, body);
  }

  /** Messages that close the unnamed statements that newer ones have replaced. */
  closeStale(): Uint8Array {
    const closing = this.#stale.map((name) => closeStatement(name));
    this.#stale = [];
    return concat(closing);
  }

  /** Messages that close all that this client has prepared. */
  closeAll(): Uint8Array {
    const names = [...this.#named].map((name) => this.#known(name));
    const closing = [...names, this.#known("")].map((name) => closeStatement(name));
    return concat([this.closeStale(), ...closing]);
  }

  #parsed(name: string): string {
    if (name !== "") {
      this.#named.add(name);
      return this.#known(name);
    }
    if (this.#unnamed > 0) this.#stale.push(this.#known(""));
    this.#unnamed += 1;
    return this.#known("");
  }

  #known(name: string): string {
    return name === "" ? `${this.#prefix}unnamed_${this.#unnamed}` : `${this.#prefix}${name}`;
  }
}

function closeStatement(name: string): Uint8Array {
  return message("C", new TextEncoder().encode("S"), cString(name));
}
