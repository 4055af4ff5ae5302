import type { Tenant } from "../harness/tenant.ts";
import type { Subject } from "./subject.ts";

type Values = Record<string, unknown>;
type Insert = (table: string, values: Values) => Promise<string>;
type Plain = (
  table: string,
  values: () => Values | Promise<Values>,
  change: Values,
) => Subject;

const unique = () => crypto.randomUUID();
const LONG_AGO = "2026-01-01T00:00:00+00:00";

/** Teams and assistants: seen by the whole organization, and of no user of it. */
export function assistantSubjects(
  tenant: Tenant,
  insert: Insert,
  plain: Plain,
): Record<string, Subject> {
  const { organizationId: organization_id, owner } = tenant;
  const named = () => ({ organization_id, name: unique() });
  const tool = () => ({ ...named(), description: "A test", code: "return 1;" });
  const values = () => ({ ...named(), access_level: "organization", prompt: unique() });
  const approved = { approval_status: "approved", approved_at: LONG_AGO };
  const review = async () => ({
    assistant_id: await insert("assistants", values()),
    action: "submit",
    assistant_revision: 1,
  });
  const rating = async () => ({
    assistant_id: await insert("assistants", { ...values(), ...approved }),
    rating: 5,
  });
  const place = async () => ({
    team_id: await insert("teams", named()),
    user_id: (await tenant.join("member")).id,
  });
  return {
    teams: plain("teams", named, { description: "changed" }),
    team_members: plain("team_members", place, { created_at: LONG_AGO }),
    tools: plain("tools", tool, { description: "changed" }),
    assistants: plain("assistants", values, { prompt: "changed" }),
    assistant_reviews: plain("assistant_reviews", review, { note: "forged" }),
    assistant_ratings: {
      ...plain("assistant_ratings", rating, { rating: 1 }),
      row: async () => insert("assistant_ratings", { ...await rating(), user_id: owner.id }),
    },
  };
}
