import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import { expect, refused } from "../harness/expect.ts";
import { parseMermaid } from "../harness/mermaid.ts";
import { parsePicture, textAreas } from "../harness/pictures.ts";
import {
  createBlock,
  createEdge,
  createPipeline,
  createVerifiedEdge,
  graphOf,
  runPipeline,
  uniqueName,
} from "../harness/pipelines.ts";
import { withSql } from "../harness/sql.ts";
import { createTenant, type Tenant, type User } from "../harness/tenant.ts";

const UNKNOWN = "00000000-0000-4000-8000-000000000000";

/** readings → filter → report, of which the second edge is not verified. */
async function createReport(user: User) {
  const readings = await createBlock(user, { kind: "trigger" });
  const filter = await createBlock(user, { kind: "jsonata", expression: "input" });
  const report = await createBlock(user, { kind: "code", source: "return input;" });
  const [passed, pending] = [await createVerifiedEdge(user), await createEdge(user)];
  const pipeline = await createPipeline(user, [readings, filter, report], [
    [readings, filter, passed],
    [filter, report, pending],
  ]);
  return { pipeline, readings, filter, report, passed, pending };
}

/** Blocks without versions, as many as no client makes one by one. */
async function createBlocks({ organizationId }: Tenant, count: number): Promise<Body[]> {
  return await withSql((sql) =>
    sql`insert into public.blocks (organization_id, name, block_type)
      select ${organizationId}, 'many ' || gen_random_uuid(), 'model' from generate_series(1, ${count})
      returning id`
  );
}

/** What the graph says of each edge. */
const verifications = ({ edges }: Body) =>
  Object.fromEntries(
    edges.map(({ name, verification_status }: Body) => [name, verification_status]),
  );

Deno.test("get_pipeline_graph", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const { pipeline, readings, filter, report, passed, pending } = await createReport(owner);
  const path = `/pipelines/${pipeline.id}/graph`;
  const read = async (query = "", accept = "*/*") =>
    await owner.get(`${path}${query}`, { headers: { accept } });

  await t.step("tells blocks and edges with their current versions", async () => {
    await owner.post(`/pipelines/blocks/${filter.id}/versions`, {
      spec: { kind: "jsonata", expression: "input[0]" },
    });
    const graph = expect(await (await tenant.user("member")).get(path), 200);
    assert.equal(graph.pipeline_id, pipeline.id);
    assert.equal(graph.name, pipeline.name);
    assert.equal(graph.run, null);
    const none = { step_id: null, status: null };
    const byName = (a: Body, b: Body) => a.name < b.name ? -1 : 1;
    assert.deepEqual(
      graph.nodes.sort(byName),
      [
        { block: readings, kind: "trigger", version_number: 1 },
        { block: filter, kind: "jsonata", version_number: 2 },
        { block: report, kind: "code", version_number: 1 },
      ].map(({ block: { id, name, block_type }, ...version }) => ({
        block_id: id,
        name,
        block_type,
        ...version,
        ...none,
      })).sort(byName),
    );
    assert.deepEqual(graph.edges.find(({ edge_id }: Body) => edge_id === passed.id), {
      edge_id: passed.id,
      name: passed.name,
      source_block_id: readings.id,
      target_block_id: filter.id,
      kind: "identity",
      version_number: 1,
      verification_status: "passed",
    });
    assert.deepEqual(verifications(graph), { [passed.name]: "passed", [pending.name]: "pending" });
  });

  await t.step("an edge is as verified as its current version's latest judgement", async () => {
    const edge = await createVerifiedEdge(owner);
    const two = await createPipeline(owner, [readings, report], [[readings, report, edge]]);
    const status = async () =>
      verifications(expect(await owner.get(`/pipelines/${two.id}/graph`), 200))[edge.name];
    assert.equal(await status(), "passed");
    const tests = [{ name: "wrong", input: 1, expect: 2 }];
    await owner.post(`/pipelines/edges/${edge.id}/versions`, { spec: { kind: "identity", tests } });
    assert.equal(await status(), "pending", "a new version has not been judged");
    await owner.post(`/pipelines/edges/${edge.id}/verifications`);
    assert.equal(await status(), "failed");
    await owner.post(`/pipelines/edges/${edge.id}/versions/1/activate`);
    assert.equal(await status(), "passed");
  });

  await t.step("answers in the form that is asked for", async () => {
    const type = async (query: string, accept?: string) => {
      const answer = await read(query, accept);
      expect(answer, 200);
      assert.match(answer.headers.get("vary") ?? "", /accept/i);
      return answer.headers.get("content-type");
    };
    const [json, mermaid, svg] = [
      "application/json",
      "text/vnd.mermaid; charset=utf-8",
      "image/svg+xml",
    ];
    assert.equal(await type(""), json);
    assert.equal(await type("", "text/html"), json);
    assert.equal(await type("", "text/vnd.mermaid"), mermaid);
    assert.equal(await type("", "text/vnd.mermaid;q=0.5, image/svg+xml"), svg);
    assert.equal(await type("", "image/avif,image/*,*/*;q=0.8"), svg);
    assert.equal(await type("?format=json", "image/svg+xml"), json);
    assert.equal(await type("?format=mermaid", "image/svg+xml"), mermaid);
    assert.equal(await type("?format=svg", "application/json"), svg);
  });

  await t.step("draws it", async () => {
    const root = parsePicture(expect(await read("?format=svg"), 200));
    const texts = textAreas(root).map(({ name }) => name);
    assert.equal(root.children[0]?.text, pipeline.name);
    for (const text of [pipeline.name, "trigger · v1", "jsonata · v2", "code · v1"]) {
      assert.ok(texts.includes(text), `${text}: ${texts.join(", ")}`);
    }
    assert.ok(texts.includes("3 blocks, 2 edges, 1 not verified"));
  });

  await t.step("writes it as Mermaid, which Mermaid's own parser takes", async () => {
    const { title, vertices, edges } = await parseMermaid(
      expect(await read("?format=mermaid"), 200),
    );
    assert.equal(title, pipeline.name);
    assert.deepEqual(
      vertices.map(({ text }) => text).sort(),
      [
        `${readings.name}\ntrigger v1`,
        `${filter.name}\njsonata v2`,
        `${report.name}\ncode v1`,
      ].sort(),
    );
    assert.deepEqual(edges.map(({ stroke }) => stroke).sort(), ["dotted", "normal"]);
  });

  await t.step("names may hold anything", async () => {
    const evil = uniqueName(
      `end"] --> x; <script>alert(1)</script> & #quot; %%{init:{}}%%\n🦊 ]]>`,
    );
    const block = await createBlock(owner, { kind: "trigger" }, { name: evil });
    const { id } = expect(
      await owner.post("/pipelines", { name: `${evil} pipeline`, ...graphOf([block]) }),
      201,
    );
    const at = (format: string) => owner.get(`/pipelines/${id}/graph?format=${format}`);
    const root = parsePicture(expect(await at("svg"), 200));
    assert.equal(root.children[0]?.text, `${evil} pipeline`);
    const { vertices } = await parseMermaid(expect(await at("mermaid"), 200));
    assert.deepEqual(vertices.map(({ text }) => text), [
      `${evil.replace("\n", " ")}\ntrigger v1`,
    ]);
    assert.equal(expect(await at("json"), 200).nodes[0].name, evil);
  });

  await t.step(
    "an empty pipeline and a block without a version are shown as they are",
    async () => {
      const { id } = await createPipeline(owner);
      const empty = `/pipelines/${id}/graph`;
      assert.deepEqual(expect(await owner.get(empty), 200).nodes, []);
      assert.match(expect(await owner.get(`${empty}?format=svg`), 200), /has no blocks yet/);
      const { vertices } = await parseMermaid(
        expect(await owner.get(`${empty}?format=mermaid`), 200),
      );
      assert.deepEqual(vertices.map(({ text }) => text), ["This pipeline has no blocks yet"]);

      const one = await createPipeline(owner, await createBlocks(tenant, 1));
      const [node] = expect(await owner.get(`/pipelines/${one.id}/graph`), 200).nodes;
      assert.deepEqual([node.kind, node.version_number], [null, null]);
      assert.match(
        expect(await owner.get(`/pipelines/${one.id}/graph?format=svg`), 200),
        /no version/,
      );
    },
  );

  await t.step("more than a request can lay out is told as text alone", async () => {
    const { id } = await createPipeline(owner, await createBlocks(tenant, 301));
    const large = `/pipelines/${id}/graph`;
    refused(await owner.get(`${large}?format=svg`), 422, "validation_failed", ["query.format"]);
    assert.equal(expect(await owner.get(large), 200).nodes.length, 301);
    await parseMermaid(expect(await owner.get(`${large}?format=mermaid`), 200));
  });

  await t.step("a run is shown as it was started, with what has become of it", async () => {
    const source = await createBlock(owner, { kind: "trigger" });
    const broken = await createBlock(owner, { kind: "code", source: "throw new Error('no');" });
    const after = await createBlock(owner, { kind: "jsonata", expression: "input" });
    const edge = await createVerifiedEdge(owner);
    const arrows: Parameters<typeof graphOf>[1] = [[source, broken, edge], [broken, after, edge]];
    const { id } = await createPipeline(owner, [source, broken, after], arrows);
    const run = await runPipeline(owner, { id });
    const rerun = await runPipeline(owner, { id }, { from: broken.id });

    // What comes later is not the run's: a version, and the end of a block.
    await owner.post(`/pipelines/blocks/${source.id}/versions`, { spec: { kind: "trigger" } });
    expect(await owner.patch(`/pipelines/${id}`, graphOf([source])), 200);
    expect(await owner.delete(`/pipelines/blocks/${after.id}`), 204);

    const states = (graph: Body) =>
      Object.fromEntries(graph.nodes.map(({ name, status }: Body) => [name, status]));
    const at = (runId: string, format = "json") =>
      owner.get(`/pipelines/${id}/graph?run_id=${runId}&format=${format}`);
    const graph = expect(await at(run.id), 200);
    assert.deepEqual(graph.run, { id: run.id, status: "failed" });
    assert.deepEqual(states(graph), {
      [source.name]: "succeeded",
      [broken.name]: "failed",
      [after.name]: "skipped",
    });
    assert.deepEqual(graph.nodes.map(({ version_number }: Body) => version_number), [1, 1, 1]);
    assert.equal(graph.edges.length, 2);
    assert.equal(states(expect(await at(rerun.id), 200))[source.name], null, "not in this run");

    const texts = textAreas(parsePicture(expect(await at(run.id, "svg"), 200)));
    for (const text of ["succeeded 1", "failed 1", "skipped 1"]) {
      assert.ok(texts.some(({ name }) => name === text), text);
    }
    const { vertices } = await parseMermaid(expect(await at(run.id, "mermaid"), 200));
    assert.deepEqual(vertices.flatMap(({ classes }) => classes).sort(), [
      "failed",
      "skipped",
      "succeeded",
    ]);
    refused(await owner.get(`${path}?run_id=${run.id}`), 404, "not_found");
  });

  await t.step("knows no other ids and no other forms", async () => {
    refused(await owner.get(`/pipelines/${UNKNOWN}/graph`), 404, "not_found");
    refused(await owner.get("/pipelines/x/graph"), 404, "not_found");
    refused(await owner.get(`${path}?run_id=${UNKNOWN}`), 404, "not_found");
    refused(await read("?format=png"), 422, "validation_failed", ["query.format"]);
    refused(await read("?run_id=x"), 422, "validation_failed", ["query.run_id"]);
  });

  await t.step("is refused to", (t) => attack(t, { tenant, method: "GET", path }));
});
