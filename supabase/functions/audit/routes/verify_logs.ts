import { type DatabaseClient, unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { brokenSchema, verificationSchema } from "../schemas.ts";
import { type Anchor, readAnchor } from "../seal_signature.ts";

/** Far below the 150 s that the platform gives a request. */
const WALL_MS = 60_000;

const partSchema = z.object({
  rows_checked: z.int(),
  rows_expired: z.int(),
  seals_checked: z.int(),
  last_sequence: z.int().nullable(),
  is_complete: z.boolean(),
  first_broken: brokenSchema.nullable(),
  sealed_until: z.string().nullable(),
});

export const verifyLogs = createRoute({
  method: "post",
  path: "/verify",
  auth: "user",
  scope: "audit:read",
  operationId: "verify_audit_logs",
  summary: "Verify the log",
  description:
    "Compares the organization's log with its seals, from the first one on, and names the first row that was edited, " +
    "removed or slipped in. What is newer than `sealed_until` is not sealed yet (a minute). Needs the role admin; verifying is logged.",
  body: z.strictObject({
    anchor: z.string().max(4000).optional().describe(
      "`signature` of a seal, kept outside: a chain that no longer holds that seal is broken.",
    ),
    after_sequence: z.int().min(0).default(0).describe(
      "Goes on from `next_sequence` of a call that ran out of time.",
    ),
  }).prefault({}),
  example: {},
  answers: { 200: { description: "What was found.", schema: verificationSchema } },
  errors: ["organization_required", "signing_not_configured"],
}, async ({ body, database, reconnect, organizationId }) => {
  const organization_id = await organizationId();
  const anchor = body.anchor === undefined ? undefined : await readAnchor(body.anchor);
  if (anchor && anchor.organization_id !== organization_id) {
    const message = "The seal is another organization's";
    throw new ApiError("validation_failed", message, { errors: [{ path: "anchor", message }] });
  }
  await unwrap(database.rpc("log_audit_read", {
    organization_id,
    filters: { seals: "all" },
    minimum_role: "admin",
  }));
  const started = Date.now();
  const sum = { rows_checked: 0, rows_expired: 0, seals_checked: 0 };
  let reader = database;
  let after_sequence = body.after_sequence;
  // In parts, each of them a statement that is over soon.
  while (true) {
    const part = partSchema.parse(
      await unwrap(reader.rpc("verify_audit_seals", { organization_id, after_sequence })),
    );
    sum.rows_checked += part.rows_checked;
    sum.rows_expired += part.rows_expired;
    sum.seals_checked += part.seals_checked;
    after_sequence = part.last_sequence ?? after_sequence;
    const is_complete = part.is_complete || part.first_broken !== null;
    if (!is_complete && Date.now() - started < WALL_MS) {
      reader = await reconnect();
      continue;
    }
    const first_broken = part.first_broken ?? await compareAnchor(reader, anchor);
    return {
      valid: first_broken === null,
      ...sum,
      first_broken,
      sealed_until: part.sealed_until,
      is_complete,
      next_sequence: is_complete ? null : after_sequence,
    };
  }
});

async function compareAnchor(database: DatabaseClient, anchor?: Anchor) {
  if (!anchor) return null;
  const seal = await unwrap(
    database.from("audit_seals").select("digest").eq("organization_id", anchor.organization_id)
      .eq("sequence", anchor.sequence).maybeSingle(),
  );
  if (seal?.digest === anchor.digest) return null;
  return { sequence: anchor.sequence, audit_log_id: null, reason: "anchor_mismatch" };
}
