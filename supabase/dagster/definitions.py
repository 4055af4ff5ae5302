"""The code location of Edgeloom: a static job for each pinned version of a pipeline.

The jobs come from a snapshot that Edgeloom writes. An op carries no data: it says that its step's turn
has come, and Edgeloom executes the step, once, however often the op is tried. Runs are started at
Edgeloom, which launches them here; see the README for how to set it up.
"""

import sys
import time
from pathlib import Path
from typing import Any, Dict

from dagster import (
    Definitions,
    DependencyDefinition,
    Failure,
    GraphDefinition,
    In,
    JobDefinition,
    Nothing,
    OpDefinition,
    OpExecutionContext,
    Out,
    RetryRequested,
    op,
)

sys.path.insert(0, str(Path(__file__).parent))
from edgeloom import Refused, Silent, ask_patiently, read_snapshot  # noqa: E402
from images import run_image, uses_image  # noqa: E402

RUN_TAG = "edgeloom/run_id"


def give_up(message: str) -> Failure:
    return Failure(description=message, allow_retries=False)


def execute(context: OpExecutionContext, spec: Dict[str, Any]) -> None:
    """Has the step done, and ends as the step ended."""
    run_id = context.run.tags.get(RUN_TAG)
    if not run_id:
        raise give_up("Start the run at Edgeloom: POST /functions/v1/pipelines/{id}/runs")
    path = f"runs/{run_id}/blocks/{spec['block_id']}"
    in_image = uses_image(spec["image"], context.log)
    request = {"dagster_run_id": context.run_id}
    while True:
        state = ask_patiently("POST", f"{path}/{'begin' if in_image else 'execute'}", request, context.log)
        if state["status"] == "begun":
            result = run_image(spec["image"], state["task"])
            fence = {key: state["task"][key] for key in ("worker_id", "attempt")}
            state = ask_patiently("POST", f"{path}/finish", {**request, **fence, "result": result}, context.log)
        status = state["status"]
        message = (state.get("error") or {}).get("message", "")
        if status == "succeeded":
            return
        if status == "failed":
            raise give_up(message)
        if status in ("canceled", "skipped"):
            raise give_up(f"The step was {status} at Edgeloom")
        if status == "retrying":
            context.log.warning(f"Attempt {state['attempt']} failed: {message}")
            # Edgeloom counts the attempts; Dagster must not be the first to have enough.
            raise RetryRequested(max_retries=1000, seconds_to_wait=state["retry_after_seconds"])
        # ready: a part of a long step is done. Otherwise it waits for a slot, or another call has it.
        time.sleep(0 if status == "ready" else max(state["retry_after_seconds"], 1))


def build_op(spec: Dict[str, Any]) -> OpDefinition:
    @op(
        name=spec["op"],
        description=f"{spec['name']} ({spec['image'] or spec['kind']})",
        ins={f"after_{index}": In(Nothing) for index, _ in enumerate(spec["after"])},
        out=Out(Nothing),
        tags={"edgeloom/block_id": spec["block_id"]},
    )
    def call_back(context: OpExecutionContext) -> None:
        try:
            execute(context, spec)
        except (Refused, Silent) as error:
            raise give_up(str(error)) from error

    return call_back


def build_job(job: Dict[str, Any]) -> JobDefinition:
    return GraphDefinition(
        name=job["name"],
        description=job["description"],
        node_defs=[build_op(spec) for spec in job["ops"]],
        dependencies={
            spec["op"]: {f"after_{index}": DependencyDefinition(name) for index, name in enumerate(spec["after"])}
            for spec in job["ops"]
        },
    ).to_job(tags={"edgeloom/pipeline_id": job["pipeline_id"]})


defs = Definitions(jobs=[build_job(job) for job in read_snapshot()["jobs"]])
