import postgres from "postgres";

/** A queue in a database, as its clients use it. */
export type Queue = {
  /** Adds entries until so many wait. */
  fill(count: number): Promise<void>;
  /** Takes and ends one batch; returns how many it was. */
  takeBatch(sql: postgres.Sql, size: number): Promise<number>;
};

/** A session on a server; what it is told beside its results is dropped. */
export const openSession = (url: string): postgres.Sql =>
  postgres(url, { max: 1, onnotice: () => {} });

/** Lets clients take and end batches side by side until `count` entries are done; returns how many a second. */
export async function drain(
  queue: Queue,
  clients: readonly postgres.Sql[],
  { batch, count }: { batch: number; count: number },
): Promise<number> {
  let done = 0;
  const started = performance.now();
  await Promise.all(clients.map(async (sql) => {
    while (done < count) {
      const taken = await queue.takeBatch(sql, batch);
      // Another client has the last ones.
      if (taken === 0) return;
      done += taken;
    }
  }));
  if (done < count) throw new Error("The queue was filled with too little");
  return done / ((performance.now() - started) / 1000);
}
