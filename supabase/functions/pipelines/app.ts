import type { Api } from "@shared/app.ts";
import { blocks } from "./routes/blocks.ts";
import { createBlock } from "./routes/create_block.ts";
import { createEdge } from "./routes/create_edge.ts";
import { createTrigger } from "./routes/create_trigger.ts";
import { edges } from "./routes/edges.ts";
import { listVerifications } from "./routes/list_verifications.ts";
import { pipelines } from "./routes/pipelines.ts";
import { receiveDelivery } from "./routes/receive_delivery.ts";
import { runEvents } from "./routes/run_events.ts";
import { runs } from "./routes/runs.ts";
import { startRun } from "./routes/start_run.ts";
import { triggers } from "./routes/triggers.ts";
import { verifyEdge } from "./routes/verify_edge.ts";
import { versions } from "./routes/versions.ts";
import { work } from "./routes/work.ts";

/** What the pipelines function answers. Fixed paths stand before `/{id}`, which would take them. */
export const api: Api = {
  description: "Versioned blocks and edges, the pipelines that join them, and their runs.",
  routes: [
    ...blocks,
    createBlock,
    ...edges,
    createEdge,
    ...versions,
    verifyEdge,
    listVerifications,
    ...runs,
    runEvents,
    ...triggers,
    createTrigger,
    receiveDelivery,
    work,
    startRun,
    ...pipelines,
  ],
};
