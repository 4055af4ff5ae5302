import { unwrap } from "@shared/database.ts";
import { parseBody } from "@shared/input.ts";
import { createRoute } from "@shared/route.ts";
import { z } from "zod";
import { hooked, verifyHook } from "../catalog_hooks.ts";

const [repos] = hooked;

/** What counts of GitHub's push event; a ping has none of it. */
const pushSchema = z.looseObject({
  ref: z.string().optional(),
  after: z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/).optional(),
  deleted: z.boolean().optional(),
  repository: z.looseObject({ pushed_at: z.union([z.number(), z.string()]).optional() }).optional(),
});

type Push = z.infer<typeof pushSchema>;

/** GitHub sends JSON, or a form with the JSON in it, which is its default. */
function readPush(body: string, type: string): Push | undefined {
  const isForm = type.startsWith("application/x-www-form-urlencoded");
  const json = isForm ? new URLSearchParams(body).get("payload") ?? "" : body;
  return pushSchema.safeParse(parseBody(json)).data;
}

/** When it was pushed: never later than now, or no later push would count. */
function pushTime({ repository }: Push): Date {
  const { pushed_at } = repository ?? {};
  const time = typeof pushed_at === "number" ? pushed_at * 1000 : Date.parse(pushed_at ?? "");
  return new Date(Number.isFinite(time) && time > 0 ? Math.min(time, Date.now()) : Date.now());
}

export const receivePush = createRoute({
  method: "post",
  path: `${repos.path}/hook`,
  auth: "public",
  operationId: "receive_push",
  summary: "Receive a push",
  description:
    "GitHub's webhook: a push to the repository's branch sets `last_updated` and `last_commit`. The signature in " +
    "`X-Hub-Signature-256` is checked over the raw body. Other events, other branches and pushes older than " +
    "the last one change nothing.",
  params: z.object({ id: z.uuid() }),
  rawBody: {
    description: "GitHub's push event.",
    example: { ref: "refs/heads/main", after: "0123456789abcdef0123456789abcdef01234567" },
  },
  answers: {
    200: {
      description: "Taken.",
      schema: z.object({ updated: z.boolean().describe("Whether it was news of the branch.") }),
    },
  },
  errors: [
    "invalid_signature",
    "invalid_json",
    "body_too_large",
    "validation_failed",
    "encryption_not_configured",
  ],
}, async ({ params, request, service }) => {
  const database = service();
  const body = await verifyHook(database, repos, params.id, request);
  const push = readPush(body, request.headers.get("content-type") ?? "");
  if (!push?.ref?.startsWith("refs/heads/") || !push.after || push.deleted) {
    return { updated: false };
  }
  const last_updated = pushTime(push).toISOString();
  const rows = await unwrap(
    database.from("code_repos").update({ last_updated, last_commit: push.after })
      .eq("id", params.id).eq("branch", push.ref.slice("refs/heads/".length))
      .or(`last_updated.is.null,last_updated.lte.${last_updated}`).select("id"),
  );
  return { updated: rows.length > 0 };
});
