"""The official Python client against Edgeloom: npm run test:openai.

Tells each thing that was checked and what was wrong with it, and ends with 1 if anything was.
"""

import sys
import time
import traceback
from collections.abc import Callable

import openai

import answers
import failures
import refusals
import tools
import vectors

CHECKS = [*answers.CHECKS, *tools.CHECKS, *vectors.CHECKS, *refusals.CHECKS, *failures.CHECKS]


def passes(check: Callable[[], None]) -> bool:
    """Runs a check and tells how it ended."""
    began = time.monotonic()
    try:
        check()
        word = "ok"
    except Exception:
        traceback.print_exc(file=sys.stdout)
        word = "FAILED"
    print(f"{word} {check.__doc__} ({time.monotonic() - began:.1f} s)")
    return word == "ok"


print(f"openai {openai.__version__}, Python {sys.version.split()[0]}")
failed = [check.__name__ for check in CHECKS if not passes(check)]
print(f"{len(CHECKS) - len(failed)} passed, {len(failed)} failed {' '.join(failed)}".rstrip())
sys.exit(1 if failed else 0)
