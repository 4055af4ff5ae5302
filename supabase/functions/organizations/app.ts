import type { Api } from "@shared/app.ts";
import { createOrganization } from "./routes/create_organization.ts";
import { members } from "./routes/members.ts";
import { organizations } from "./routes/organizations.ts";
import { teams } from "./routes/teams.ts";

/** What the organizations function answers. */
export const api: Api = {
  description: "Organizations, their teams, and who belongs to them.",
  // A fixed path comes before one with a parameter in its place.
  routes: [
    ...teams,
    ...organizations,
    createOrganization,
    ...members,
  ],
};
