import { createApp } from "@shared/app.ts";

const app = createApp("llm-assistant", () => import("./app.ts"));

Deno.serve(app.fetch);
