"""Steps that run in their block's docker image, on the machine of Dagster.

The container gets its input as JSON on stdin and writes its output as JSON to stdout; what it writes to
stderr is shown when it fails.

EDGELOOM_DOCKER          auto: images run where docker is installed and EDGELOOM_TOKEN is the key of one
                         organization, and elsewhere Edgeloom executes the block's spec. always: of every
                         organization, and no docker is a failure. never.
EDGELOOM_DOCKER_NETWORK  what a container reaches, as docker names networks; none unless told
EDGELOOM_DOCKER_MEMORY   1g unless told
EDGELOOM_DOCKER_CPUS     1 unless told
"""

import json
import os
import shutil
import subprocess
from typing import Any, Dict, List, Optional

MODES = ("auto", "always", "never")


def uses_image(image: Optional[str], log: Any) -> bool:
    mode = os.environ.get("EDGELOOM_DOCKER", "auto")
    if mode not in MODES:
        raise ValueError(f"EDGELOOM_DOCKER is one of {', '.join(MODES)}, not {mode}")
    if not image or mode == "never":
        return False
    if mode == "always":
        return True
    if not os.environ.get("EDGELOOM_TOKEN", "").startswith("el_"):
        # The images are those of all organizations, and each says itself what is in its own.
        log.warning(f"EDGELOOM_DOCKER is not always: Edgeloom executes the block's spec instead of {image}")
        return False
    if shutil.which("docker"):
        return True
    log.warning(f"There is no docker here: Edgeloom executes the block's spec instead of {image}")
    return False


def _failure(code: str, message: str, retryable: bool) -> Dict[str, Any]:
    return {"succeeded": False, "error": {"code": code, "message": message}, "retryable": retryable}


def _confinement() -> List[str]:
    return [
        "--network", os.environ.get("EDGELOOM_DOCKER_NETWORK") or "none",
        "--memory", os.environ.get("EDGELOOM_DOCKER_MEMORY") or "1g",
        "--cpus", os.environ.get("EDGELOOM_DOCKER_CPUS") or "1",
        "--pids-limit", "256",
        "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges",
    ]


def run_image(image: str, task: Dict[str, Any]) -> Dict[str, Any]:
    """The result of one attempt, as Edgeloom takes it."""
    name = f"edgeloom-{task['step_id']}-{task['attempt']}"
    command = [
        "docker", "run", "--rm", "--interactive", "--name", name,
        "--env", f"EDGELOOM_IDEMPOTENCY_KEY={task['idempotency_key']}",
        "--env", f"EDGELOOM_BLOCK={task['name']}",
        # Whatever it is called, it is no option.
        *_confinement(), "--", image,
    ]
    try:
        done = subprocess.run(
            command, input=json.dumps(task["input"]), capture_output=True, text=True, timeout=task["timeout_seconds"]
        )
    except FileNotFoundError:
        return _failure("docker_missing", "There is no docker on the machine of Dagster", False)
    except BaseException as error:
        # The client's end is not the container's.
        subprocess.run(["docker", "kill", name], capture_output=True, check=False)
        if isinstance(error, subprocess.TimeoutExpired):
            return _failure("step_timeout", f"The container took longer than {task['timeout_seconds']} s", True)
        raise
    if done.returncode != 0:
        # 125: docker itself failed, as when an image can't be pulled.
        return _failure(
            "container_failed", f"The container ended with {done.returncode}: {done.stderr.strip()[-2000:]}", True
        )
    try:
        return {"succeeded": True, "output": json.loads(done.stdout)}
    except ValueError:
        return _failure("output_invalid", "The container wrote no JSON to stdout", False)
