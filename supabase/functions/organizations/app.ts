import type { Api } from "@shared/app.ts";
import { createOrganization } from "./routes/create_organization.ts";
import { members } from "./routes/members.ts";
import { organizations } from "./routes/organizations.ts";

/** What the organizations function answers. */
export const api: Api = {
  description: "Organizations and who belongs to them.",
  routes: [
    ...organizations,
    createOrganization,
    ...members,
  ],
};
