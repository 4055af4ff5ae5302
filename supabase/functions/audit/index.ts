import { createApp } from "@shared/app.ts";

const app = createApp("audit", () => import("./app.ts"));

Deno.serve(app.fetch);
