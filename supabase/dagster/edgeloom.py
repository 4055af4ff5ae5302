"""What the code location says to Edgeloom, over HTTP.

EDGELOOM_URL    the project's URL, as in https://<ref>.supabase.co
EDGELOOM_TOKEN  the project's secret key; or, for the Dagster of one organization alone, a key of that
                organization (el_…) with the scope pipelines:admin
EDGELOOM_PATIENCE_SECONDS  how long an op goes on while Edgeloom does not answer; 600 unless told
"""

import json
import os
import time
from pathlib import Path
from typing import Any, Dict, Optional

import requests

# A step takes two minutes at most, and its output is stored after that.
TIMEOUT_SECONDS = 170
BUSY = (408, 425, 429, 500, 502, 503, 504)


class Refused(Exception):
    """Edgeloom understood the request, and will not do it."""


class Silent(Exception):
    """Edgeloom did not answer, or only that it can't now."""


def _setting(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise Refused(f"{name} is not set: see supabase/dagster/edgeloom.py")
    return value


def _headers() -> Dict[str, str]:
    token = _setting("EDGELOOM_TOKEN")
    return {"authorization": f"Bearer {token}"} if token.startswith("el_") else {"apikey": token}


def ask(method: str, path: str, body: Optional[Dict[str, Any]] = None, timeout: float = TIMEOUT_SECONDS) -> Any:
    """One request; its answer's JSON."""
    url = f"{_setting('EDGELOOM_URL').rstrip('/')}/functions/v1/pipelines/dagster/{path}"
    try:
        answer = requests.request(method, url, json=body, headers=_headers(), timeout=timeout)
    except requests.RequestException as error:
        raise Silent(f"Edgeloom can't be reached: {type(error).__name__}") from error
    if answer.status_code in BUSY:
        raise Silent(f"Edgeloom answered {answer.status_code}")
    try:
        content = answer.json()
    except ValueError as error:
        raise Silent(f"Edgeloom answered {answer.status_code}, and no JSON") from error
    if not answer.ok:
        raise Refused(content.get("detail") or content.get("message") or f"Edgeloom answered {answer.status_code}")
    return content


def ask_patiently(method: str, path: str, body: Dict[str, Any], log: Any) -> Any:
    """As ask, again and again while Edgeloom is silent. Whatever is asked may be asked twice."""
    patience = float(os.environ.get("EDGELOOM_PATIENCE_SECONDS", "600"))
    began = time.monotonic()
    pause = 1.0
    while True:
        try:
            return ask(method, path, body)
        except Silent as silence:
            if time.monotonic() - began > patience:
                raise
            log.warning(f"{silence}; asking again in {pause:.0f} s")
        time.sleep(pause)
        pause = min(pause * 2, 30)


def _copy() -> Path:
    home = os.environ.get("DAGSTER_HOME")
    return Path(os.environ.get("EDGELOOM_SNAPSHOT") or Path(home or ".") / "edgeloom_snapshot.json")


def read_snapshot() -> Dict[str, Any]:
    """The jobs there are, from Edgeloom; while it is silent, those that there were the last time."""
    copy = _copy()
    try:
        snapshot = ask("GET", "snapshot", timeout=30)
    except Silent:
        if not copy.exists():
            raise
        return json.loads(copy.read_text())
    # Written aside and moved: other processes read it at any moment.
    fresh = copy.with_name(f"{copy.name}.{os.getpid()}")
    try:
        fresh.write_text(json.dumps(snapshot))
        fresh.replace(copy)
    except OSError:
        fresh.unlink(missing_ok=True)  # A read-only folder: then there is no copy to fall back on.
    return snapshot
