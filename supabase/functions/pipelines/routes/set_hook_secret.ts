import { unwrap } from "@shared/database.ts";
import { encrypt } from "@shared/envelope.ts";
import { supabaseUrl } from "@shared/env.ts";
import { ApiError } from "@shared/errors.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { hooked, hookPath } from "../catalog_hooks.ts";
import { createSecret } from "../signatures.ts";

export const setHookSecret = hooked.map((subject) =>
  createRoute({
    method: "post",
    path: `${subject.path}/secret`,
    auth: "user",
    scope: "pipelines:write",
    operationId: `set_${subject.name.replace(" ", "_")}_secret`,
    summary: `Set the secret of a ${subject.name}'s webhook`,
    description:
      "Opens the webhook, or changes what it is signed with: the secret before is void at once. Needs the role " +
      "admin. The secret is shown once.",
    params: z.object({ id: z.uuid() }),
    body: z.strictObject({
      secret: z.string().min(16).max(200).optional().describe(
        "The sender's, if it gives one; else we make one.",
      ),
    }),
    example: {},
    answers: {
      201: {
        description: "The address to send to and, this once, the secret.",
        schema: z.object({ url: z.url(), secret: z.string() }),
      },
    },
    errors: ["conflict", "encryption_not_configured"],
  }, async ({ params, body, database }) => {
    const owner = await unwrap(
      database.from(subject.table).select("organization_id").eq("id", params.id).maybeSingle(),
    );
    if (!owner) throw new ApiError("not_found", `No ${subject.name} with id ${params.id}`);
    const { organization_id: organizationId } = owner;
    const secret = body.secret ?? createSecret("github");
    const id = crypto.randomUUID();
    const sealed = await encrypt(secret, { organizationId, rowId: id });
    await unwrap(
      database.from("hook_secrets").insert({ id, ...sealed, [subject.column]: params.id }),
    );
    return { url: `${supabaseUrl()}/functions/v1/${hookPath(subject, params.id)}`, secret };
  })
);
