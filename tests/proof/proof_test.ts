import assert from "node:assert/strict";
import { HAS_SERVER } from "../local/postgres_server.ts";
import { BOUNDARIES } from "./boundaries.ts";
import { Proof } from "./proof.ts";

/** `EDGELOOM_PROOF_SEED` repeats what another seed came to. */
const seed = Number(Deno.env.get("EDGELOOM_PROOF_SEED") ?? Date.now() % 2 ** 32);

/** A short form of `npm run bench -- proof`. */
const PLAN = { seed, kills: 2, others: 1, restarts: 1, workers: 6 };

Deno.test(
  "runs survive what kills workers and their database",
  { ignore: !HAS_SERVER },
  async () => {
    await Proof.with(PLAN, (proof) => {
      assert.deepEqual(proof.violations, [], `With EDGELOOM_PROOF_SEED=${seed}`);
      const kills = proof.chaos.done.filter(({ act }) => act === "kill");
      for (const boundary of BOUNDARIES) {
        assert.equal(
          kills.filter((kill) => kill.boundary === boundary).length,
          PLAN.kills,
          boundary,
        );
      }
      return Promise.resolve();
    });
  },
);
