import { createApp } from "@shared/app.ts";

const app = createApp("keys", () => import("./app.ts"));

Deno.serve(app.fetch);
