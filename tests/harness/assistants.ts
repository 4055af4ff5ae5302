import type { Answer, Body } from "./answer.ts";
import { expect } from "./expect.ts";
import type { Tenant, User } from "./tenant.ts";

/** An assistant of the user's, as a draft. */
export async function createAssistant(user: User, values: Body = {}): Promise<Body> {
  const body = { name: "Forecaster", prompt: "Be brief.", access_level: "organization", ...values };
  return expect(await user.post("/llm-assistant/assistants", body), 201);
}

/** The same, approved by the tenant's owner: for all whom its access level names. */
export async function createApproved(
  { owner }: Tenant,
  user: User,
  values: Body = {},
): Promise<Body> {
  const { id } = await createAssistant(user, values);
  expect(await user.post(`/llm-assistant/assistants/${id}/submit`), 200);
  return expect(await approve(owner, id), 200);
}

/** Approves an assistant as it is now. */
export async function approve(admin: User, id: string, body: Body = {}): Promise<Answer> {
  const { revision } = expect(await admin.get(`/llm-assistant/assistants/${id}`), 200);
  const headers = { "if-match": `"${revision}"` };
  return await admin.post(`/llm-assistant/assistants/${id}/approve`, body, { headers });
}

/** A tool of the user's. */
export async function createTool(user: User, values: Body = {}): Promise<Body> {
  const body = {
    name: `tool_${crypto.randomUUID().slice(0, 8)}`,
    description: "Doubles a number",
    parameters: {
      type: "object",
      required: ["n"],
      properties: { n: { type: "number" } },
      additionalProperties: false,
    },
    code: "return input.n * 2;",
    ...values,
  };
  return expect(await user.post("/llm-assistant/tools", body), 201);
}

/** A team of the tenant's organization with these members. */
export async function createTeam({ owner }: Tenant, ...members: User[]): Promise<Body> {
  const team = expect(await owner.post("/organizations/teams", { name: crypto.randomUUID() }), 201);
  for (const { id } of members) {
    expect(await owner.post(`/organizations/teams/${team.id}/members`, { user_id: id }), 201);
  }
  return team;
}
