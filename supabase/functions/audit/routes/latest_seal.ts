import { unwrap } from "@shared/database.ts";
import { ApiError } from "@shared/errors.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { sealSchema } from "../schemas.ts";
import { signSeal } from "../seal_signature.ts";

export const latestSeal = createRoute({
  method: "get",
  path: "/seals/latest",
  auth: "user",
  scope: "audit:read",
  operationId: "get_latest_audit_seal",
  summary: "Get the latest seal",
  description:
    "The newest digest of the organization's chain, signed. Keep the signature outside of this database: sent to " +
    "`POST /audit/verify` later, it shows also a chain that was rewritten as a whole. Needs the role admin; reading it is logged.",
  answers: {
    200: {
      description: "The seal.",
      schema: sealSchema.extend({
        signature: z.string().describe(
          "The seal as a JWS (compact), signed with EDGELOOM_JWT_KEY; its type is `audit-seal+jwt`.",
        ),
      }).meta({ id: "SignedAuditSeal", description: "A seal and its signature." }),
    },
  },
  errors: ["organization_required", "not_found", "signing_not_configured"],
}, async ({ database, organizationId }) => {
  const organization_id = await organizationId();
  const filters = { seals: "latest" };
  const reader = { organization_id, filters, minimum_role: "admin" } as const;
  await unwrap(database.rpc("log_audit_read", reader));
  const seal = await unwrap(
    database.from("audit_seals").select().eq("organization_id", organization_id)
      .order("sequence", { ascending: false }).limit(1).maybeSingle(),
  );
  if (!seal) {
    throw new ApiError("not_found", "Nothing is sealed yet: try again in a minute");
  }
  return { ...seal, signature: await signSeal(seal) };
});
