import type { Api } from "@shared/app.ts";
import { blockTaxonomy } from "./routes/block_taxonomy.ts";
import { blocks } from "./routes/blocks.ts";
import { codeRepos } from "./routes/code_repos.ts";
import { cancelRun } from "./routes/cancel_run.ts";
import { createBlock } from "./routes/create_block.ts";
import { createEdge } from "./routes/create_edge.ts";
import { createEndpoint } from "./routes/create_endpoint.ts";
import { createTrigger } from "./routes/create_trigger.ts";
import { dagsterConnection } from "./routes/dagster_connection.ts";
import { dagsterSnapshot } from "./routes/dagster_snapshot.ts";
import { dagsterSteps } from "./routes/dagster_steps.ts";
import { deliveries } from "./routes/deliveries.ts";
import { dependencies } from "./routes/dependencies.ts";
import { dockerImages } from "./routes/docker_images.ts";
import { edges } from "./routes/edges.ts";
import { endpoints } from "./routes/endpoints.ts";
import { impact } from "./routes/impact.ts";
import { getGraph } from "./routes/get_graph.ts";
import { getTimeline } from "./routes/get_timeline.ts";
import { listVerifications } from "./routes/list_verifications.ts";
import { pipelines } from "./routes/pipelines.ts";
import { receiveBuild } from "./routes/receive_build.ts";
import { receiveDelivery } from "./routes/receive_delivery.ts";
import { receivePush } from "./routes/receive_push.ts";
import { redeliver } from "./routes/redeliver.ts";
import { rotateEndpointSecret } from "./routes/rotate_endpoint_secret.ts";
import { rotateTriggerSecret } from "./routes/rotate_trigger_secret.ts";
import { retryRun } from "./routes/retry_run.ts";
import { runEvents } from "./routes/run_events.ts";
import { runs } from "./routes/runs.ts";
import { search } from "./routes/search.ts";
import { setHookSecret } from "./routes/set_hook_secret.ts";
import { startRun } from "./routes/start_run.ts";
import { taxonomy } from "./routes/taxonomy.ts";
import { testEndpoint } from "./routes/test_endpoint.ts";
import { triggers } from "./routes/triggers.ts";
import { updateTrigger } from "./routes/update_trigger.ts";
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
    ...impact,
    ...dependencies,
    ...blockTaxonomy,
    ...taxonomy,
    search,
    ...codeRepos,
    ...dockerImages,
    ...setHookSecret,
    receivePush,
    receiveBuild,
    ...runs,
    runEvents,
    cancelRun,
    retryRun,
    ...triggers,
    createTrigger,
    updateTrigger,
    rotateTriggerSecret,
    receiveDelivery,
    ...endpoints,
    createEndpoint,
    rotateEndpointSecret,
    testEndpoint,
    ...deliveries,
    redeliver,
    work,
    ...dagsterConnection,
    dagsterSnapshot,
    ...dagsterSteps,
    startRun,
    getGraph,
    getTimeline,
    ...pipelines,
  ],
};
