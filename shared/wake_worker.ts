import { inBackground } from "@shared/background.ts";
import { credentials } from "@shared/database.ts";
import { supabaseUrl } from "@shared/env.ts";

/** Tells a worker that there is something to do. Only a hint: the scheduled sweep finds what it missed. */
export function wakeWorker(): void {
  inBackground("wake_worker", async () => {
    const response = await fetch(`${supabaseUrl()}/functions/v1/pipelines/worker`, {
      method: "POST",
      headers: credentials({ kind: "service" }),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`The worker answered ${response.status}`);
  });
}
