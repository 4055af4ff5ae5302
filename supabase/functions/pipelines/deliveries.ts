import { connect, type DatabaseClient, unwrap } from "@shared/database.ts";
import { describeError, log } from "@shared/log.ts";
import { z } from "zod";
import { type ClaimedDelivery, claimedDeliverySchema } from "./deliveries/claim.ts";
import { sendDelivery } from "./deliveries/send.ts";

/** Messages on their way at once. */
const CONCURRENCY = 16;
/** What one worker sends at most: each costs computing time, of which the platform allows 2 s. */
const MAX_SENT = 200;
/** A worker stops claiming after this; the platform ends a request at 150 s. */
const WALL_MS = 60_000;
/** How often a worker that executes steps looks for messages about the runs that it ended. */
const LOOK_MS = 500;

const claimsSchema = z.array(claimedDeliverySchema);

/** What was sent; `more` asks for a successor. */
export type DeliveryReport = { sent: number; more: boolean };

/**
 * Sends what is due to endpoints while `working` goes on, and what its end has left. Never throws: what
 * is not sent now is due still.
 */
export async function deliverWhile(working: Promise<unknown>): Promise<DeliveryReport> {
  const database = connect({ kind: "service" });
  const deadline = performance.now() + WALL_MS;
  const report: DeliveryReport = { sent: 0, more: false };
  let isWorking = true;
  const ended = working.then(() => {}, () => {}).finally(() => isWorking = false);
  let isLast = false;
  while (!isLast && !report.more) {
    await oneOf(ended, LOOK_MS);
    // Asked before the look: what the work's very end has left is found by one more.
    isLast = !isWorking;
    await sendDue(database, report, deadline).catch((error) => {
      log("error", { deliveries: "not sent", error: describeError(error) });
      isLast = true;
    });
  }
  return report;
}

async function sendDue(database: DatabaseClient, report: DeliveryReport, deadline: number) {
  const running = new Set<Promise<void>>();
  while (true) {
    report.more = report.sent >= MAX_SENT || performance.now() > deadline;
    const room = Math.min(CONCURRENCY - running.size, MAX_SENT - report.sent);
    const claimed = report.more || room === 0 ? [] : claimsSchema.parse(
      await unwrap(database.rpc("claim_deliveries", { max_deliveries: room })),
    );
    for (const delivery of claimed) {
      report.sent += 1;
      const attempt = deliver(database, delivery).finally(() => running.delete(attempt));
      running.add(attempt);
    }
    if (running.size === 0) return;
    await Promise.race(running);
  }
}

async function deliver(database: DatabaseClient, delivery: ClaimedDelivery): Promise<void> {
  const { delivery_id, attempt } = delivery;
  const outcome = await sendDelivery(delivery);
  // An outcome that can't be stored is left to the lease: sent again, it has the same webhook-id.
  await unwrap(database.rpc("finish_delivery", { delivery_id, attempt, outcome }))
    .catch((error) => log("error", { delivery: delivery_id, error: describeError(error) }));
}

async function oneOf(promise: Promise<unknown>, milliseconds: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const passed = new Promise<void>((resolve) => timer = setTimeout(resolve, milliseconds));
  await Promise.race([promise, passed]).finally(() => clearTimeout(timer));
}
