import { createApp } from "@shared/app.ts";

const app = createApp("pipelines", () => import("./app.ts"));

Deno.serve(app.fetch);
