import { unwrap } from "@shared/database.ts";
import { createRoute, Reply } from "@shared/route.ts";
import { z } from "zod";
import { nameSchema, organizationSchema, slugSchema } from "../schemas.ts";

export const createOrganization = createRoute({
  method: "post",
  path: "/",
  auth: "user",
  scope: "organizations:admin",
  operationId: "create_organization",
  summary: "Create an organization",
  description: "Adds a team, with you as its owner.",
  body: z.strictObject({ name: nameSchema, slug: slugSchema }),
  example: { name: "Weather Lab", slug: "weather-lab" },
  answers: { 201: { description: "The new organization.", schema: organizationSchema } },
  errors: ["conflict"],
}, async ({ body, database }) => {
  const organization = await unwrap(database.rpc("create_organization", body));
  return new Reply(organization, {
    revision: organization.revision,
    location: organization.id,
  });
});
