import type { PgliteDatabase } from "./pglite.ts";
import { WireClient } from "./wire_client.ts";

/** The database's own port. */
export interface WireServer {
  readonly port: number;
  /** Begins to let clients in; those that came before have waited. */
  start(database: PgliteDatabase): void;
  /** Ends every connection; open transactions are rolled back. */
  stop(): Promise<void>;
}

/**
 * Takes the port at once, so that one that is taken is found before anything is done.
 * @throws Deno.errors.AddrInUse
 */
export function listenWire(port: number): WireServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port });
  const open = new Set<Deno.TcpConn>();
  const sessions = new Set<Promise<void>>();
  let accepting: Promise<void> = Promise.resolve();
  return {
    port: listener.addr.port,
    start(database) {
      accepting = accept(listener, (conn) => {
        open.add(conn);
        const session = new WireClient(conn, database).serve().finally(() => {
          open.delete(conn);
          sessions.delete(session);
        });
        sessions.add(session);
      });
    },
    async stop() {
      listener.close();
      for (const conn of open) conn.close();
      await Promise.all([accepting, ...sessions]);
    },
  };
}

async function accept(listener: Deno.TcpListener, onClient: (conn: Deno.TcpConn) => void) {
  for await (const conn of listener) {
    conn.setNoDelay(true);
    onClient(conn);
  }
}
