import assert from "node:assert/strict";
import type { Stack } from "../../supabase/local/stack.ts";
import type { Body } from "../harness/answer.ts";
import { Engine } from "../harness/engine.ts";
import { expect } from "../harness/expect.ts";
import { OwnFunctions } from "../harness/own_functions.ts";
import { failing, Upstream } from "../harness/upstream.ts";

/** Blocks and edges found by meaning, on a stack whose registry is embedded. */

const EMBEDDED = { EDGELOOM_EMBEDDING_MODEL: "demo-embedding", OPENAI_API_KEY: "sk-test" };

async function countUsage(stack: Stack): Promise<Body> {
  const [counts] = await stack.query(`select count(*)::int as calls,
    count(*) filter (where status = 'failed')::int as failed from usage_events`);
  return counts;
}

Deno.test("what changes is embedded by the worker, and found by its meaning", () =>
  Engine.with(({ stack, userToken: token }) =>
    Upstream.with((upstream) =>
      OwnFunctions.with({ ...EMBEDDED, OPENAI_BASE_URL: upstream.baseUrl }, async (functions) => {
        const send = async (method: string, path: string, status: number, body?: Body) =>
          expect(await functions.call(method, path, { token, body }), status);
        const work = () => functions.call("POST", "/pipelines/worker", { apikey: stack.secretKey });
        const create = (name: string, description: string) => {
          const spec = { kind: "inline", rows: [] };
          return send("POST", "/pipelines/blocks", 201, {
            name,
            description,
            block_type: "dataset",
            spec,
          });
        };
        const find = async (q: string) => {
          const { data } = await send("GET", `/pipelines/search?q=${encodeURIComponent(q)}`, 200);
          return data.map(({ name, matched }: Body) => `${name}: ${matched}`);
        };
        // What the stack begins with is another organization's.
        expect(await work(), 200);
        upstream.requests.length = 0;
        const before = await countUsage(stack);
        const rain = await create("precipitation", "rainfall measured in Seattle");
        await create("invoices", "what customers owe");
        assert.deepEqual(await find("rainfall"), ["precipitation: text"]);
        assert.equal(upstream.requests.length, 0, "where nothing is embedded, nobody is asked");

        expect(await work(), 200);
        assert.equal(upstream.requests.length, 1, "one call for both");
        const kept = await stack.query(
          "select model, dimensions from vector_representations where organization_id = $1",
          [rain.organization_id],
        );
        assert.deepEqual(kept, Array(2).fill({ model: "demo-embedding", dimensions: 1536 }));
        expect(await work(), 200);
        assert.equal(upstream.requests.length, 1, "what has not changed is left alone");
        assert.deepEqual(await find("rainfall"), ["precipitation: meaning,text"]);
        assert.deepEqual(await find("quantum"), []);

        await send("PATCH", `/pipelines/blocks/${rain.id}`, 200, { description: "sunny hours" });
        assert.deepEqual(await find("rainfall"), [], "its vector is of what it was");
        expect(await work(), 200);
        assert.deepEqual(await find("sunny"), ["precipitation: meaning,text"]);

        upstream.always(failing(400));
        assert.deepEqual(await find("sunny"), ["precipitation: text"], "words are enough");
        await create("traffic", "cars an hour");
        expect(await work(), 200);
        upstream.always(() => undefined);
        expect(await work(), 200);
        assert.deepEqual(await find("cars"), ["traffic: meaning,text"]);

        assert.deepEqual(await countUsage(stack), {
          calls: Number(before.calls) + upstream.requests.length,
          failed: 2,
        });
      }, stack)
    )
  ));

Deno.test("without a model for it, nothing is embedded and nobody is asked", () =>
  Engine.with(({ stack, userToken: token }) =>
    Upstream.with((upstream) => {
      const variables = { OPENAI_BASE_URL: upstream.baseUrl, EDGELOOM_EMBEDDING_MODEL: "" };
      return OwnFunctions.with(variables, async (functions) => {
        const body = { name: "rain", block_type: "dataset", spec: { kind: "inline", rows: [] } };
        expect(await functions.call("POST", "/pipelines/blocks", { token, body }), 201);
        expect(await functions.call("POST", "/pipelines/worker", { apikey: stack.secretKey }), 200);
        const { data } = expect(
          await functions.call("GET", "/pipelines/search?q=rain", { token }),
          200,
        );
        assert.equal(data.length, 1);
        assert.equal(upstream.requests.length, 0);
      }, stack);
    })
  ));
