/**
 * The main job, from sign-up to result, through the public API alone: what a frontend and a webhook
 * sender would do. Ends with another exit code than 0 if anything is not as it should be.
 */
import assert from "node:assert/strict";
import { createClient } from "@supabase/supabase-js";
import { Webhook } from "standardwebhooks";
import { z } from "zod";
import { Client } from "./client.ts";
import { asIsEdge, monthlyEdge, reportBlock, requestBlock, weatherBlock } from "./graph.ts";
import { findStack } from "./stack.ts";
import { bold, dim, endProgress, progress, step, table } from "./terminal.ts";

const rowSchema = z.looseObject({ id: z.uuid() });
const pageSchema = z.object({ data: z.array(z.looseObject({ id: z.uuid() })) });
const monthSchema = z.object({
  month: z.string(),
  days: z.number(),
  rainy_days: z.number(),
  rain_mm: z.number(),
  warmest: z.number(),
});
const runSchema = z.object({
  status: z.string(),
  output: z.array(monthSchema).nullable(),
  steps: z.array(z.object({ name: z.string(), status: z.string(), attempt: z.number() })),
});

await using stack = await findStack();
console.log(bold(`\nEdgeloom at ${stack.SUPABASE_URL}\n`));

const supabase = createClient(stack.SUPABASE_URL, stack.SUPABASE_PUBLISHABLE_KEY);
const user = await step("Sign up", async () => {
  const email = `demo-${crypto.randomUUID().slice(0, 8)}@example.com`;
  const { data, error } = await supabase.auth.signUp({ email, password: crypto.randomUUID() });
  assert.equal(error, null);
  assert.ok(data.session);
  return { email, token: data.session.access_token };
}, ({ email }) => email);

const client = new Client(stack.SUPABASE_URL, {
  apikey: stack.SUPABASE_PUBLISHABLE_KEY,
  authorization: `Bearer ${user.token}`,
});
const create = (path: string, body: unknown) => client.call("POST", path, rowSchema, body);

const organizationId = await step("Find the personal organization", async () => {
  const { data: [organization] } = await client.call("GET", "organizations", pageSchema);
  assert.ok(organization);
  return organization.id;
});

const csv = await Deno.readTextFile(
  new URL("../../node_modules/vega-datasets/data/seattle-weather.csv", import.meta.url),
);
await step("Upload seattle-weather.csv to Storage", async () => {
  const { error } = await supabase.storage.from("datasets")
    .upload(`${organizationId}/seattle-weather.csv`, csv, { contentType: "text/csv" });
  assert.equal(error, null);
}, () => `${csv.trim().split("\n").length - 1} days`);

const blocks = await step("Register three blocks", async () => ({
  weather: await create("pipelines/blocks", weatherBlock(organizationId)),
  request: await create("pipelines/blocks", requestBlock),
  report: await create("pipelines/blocks", reportBlock),
}), () => "a file, the webhook's request, a report");

const edges = await step("Register two edges, one with a test", async () => ({
  monthly: await create("pipelines/edges", monthlyEdge),
  asIs: await create("pipelines/edges", asIsEdge),
}));

for (
  const [name, edge] of [[monthlyEdge.name, edges.monthly], [asIsEdge.name, edges.asIs]] as const
) {
  await step(`Verify the edge "${name}"`, async () => {
    const schema = z.object({ verification_status: z.string(), verification_logs: z.string() });
    const verification = await client.call(
      "POST",
      `pipelines/edges/${edge.id}/verifications`,
      schema,
    );
    assert.equal(verification.verification_status, "passed", verification.verification_logs);
    return verification;
  }, ({ verification_logs }) => verification_logs.split("\n").at(-1) ?? "");
}

const pipeline = await step("Join them to a pipeline", () =>
  create("pipelines", {
    name: "weather report",
    blocks: Object.values(blocks).map(({ id }) => ({ block_id: id })),
    edges: [
      {
        edge_id: edges.monthly.id,
        source_block_id: blocks.weather.id,
        target_block_id: blocks.report.id,
      },
      {
        edge_id: edges.asIs.id,
        source_block_id: blocks.request.id,
        target_block_id: blocks.report.id,
      },
    ],
  }));

const trigger = await step("Give it a webhook", () =>
  client.call(
    "POST",
    `pipelines/${pipeline.id}/triggers`,
    z.object({ url: z.string(), secret: z.string() }),
    { type: "webhook", scheme: "standard" },
  ), ({ url }) => url);

const delivery = (body: string, signed = body) => {
  const id = `msg_${crypto.randomUUID()}`;
  const now = new Date();
  return fetch(trigger.url, {
    method: "POST",
    headers: {
      "webhook-id": id,
      "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
      "webhook-signature": new Webhook(trigger.secret).sign(id, now, signed),
    },
    body,
  });
};

await step("A delivery with a forged body is refused", async () => {
  const response = await delivery('{"year":2013}', '{"year":2012}');
  assert.equal(response.status, 401, await response.text());
}, () => "401");

const run = await step("A signed delivery starts a run", async () => {
  const response = await delivery('{"year":2015}');
  assert.equal(response.status, 202);
  return rowSchema.parse(await response.json());
}, ({ id }) => id);

const done = new Set<string>();
for await (const event of client.events(run.id)) {
  if (event.event_type === "step.succeeded" && event.data.name) done.add(event.data.name);
  progress(
    `${"▰".repeat(done.size)}${"▱".repeat(3 - done.size)} ${event.event_type} ${
      dim(event.data.name ?? event.message)
    }`,
  );
}
endProgress();

const result = await step("The run has succeeded", async () => {
  const finished = await client.call("GET", `pipelines/runs/${run.id}`, runSchema);
  assert.equal(finished.status, "succeeded", JSON.stringify(finished));
  return finished;
}, ({ steps }) => `${steps.length} steps`);
table(result.steps);

await step("Its result is right", async () => {
  const year = csv.trim().split("\n").slice(1).map((line) => line.split(",")).filter(([date]) =>
    date?.startsWith("2015")
  );
  const rainyDays = year.filter(([, precipitation]) => Number(precipitation) > 0).length;
  assert.equal(result.output?.length, 12);
  assert.equal(result.output?.reduce((sum, month) => sum + month.rainy_days, 0), rainyDays);
  assert.equal(result.output?.reduce((sum, month) => sum + month.days, 0), year.length);
  return await Promise.resolve(rainyDays);
}, (rainyDays) => `${rainyDays} rainy days in 2015, counted a second time from the file`);
table(result.output ?? []);

await step("The audit log tells of it", async () => {
  const schema = z.object({
    data: z.array(
      z.object({
        action_type: z.string(),
        actor_type: z.string(),
        details: z.looseObject({}),
        occurred_at: z.string(),
      }),
    ),
  });
  const { data } = await client.call(
    "GET",
    `audit/logs?entity_type=pipeline_run&entity_id=${run.id}`,
    schema,
  );
  assert.ok(data.some(({ action_type }) => action_type === "CREATE"));
  assert.ok(data.some(({ action_type }) => action_type === "UPDATE"));
  table(
    data.map(({ details, ...entry }) => ({
      ...entry,
      changed: JSON.stringify(details.changed ?? []),
    })).reverse(),
  );
});

console.log(bold("\nAll of it went through the public API.\n"));
