import { createResource } from "@shared/resource.ts";
import { z } from "zod";
import { PROVIDER_KEY_COLUMNS, providerKeySchema, providerSchema } from "../schemas.ts";

export const providerKeys = createResource({
  domain: "keys",
  name: "provider key",
  table: "provider_keys",
  path: "/providers",
  item: providerKeySchema,
  select: PROVIDER_KEY_COLUMNS,
  inOrganization: true,
  filters: z.object({ provider: providerSchema.optional() }),
  operations: ["list", "delete"],
});
