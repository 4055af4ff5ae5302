import { createApp } from "@shared/app.ts";

const app = createApp("organizations", () => import("./app.ts"));

Deno.serve(app.fetch);
