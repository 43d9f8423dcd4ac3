"""Starts the platform with the benchmark's two applications: `ivr` (prompt, key, prompt) and `setup` (answer, stay up 5 s)."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from bench._ivr import media
from callwright.media.wav import ulaw_header

START_S_MAX = 60.0
STOP_S_MAX = 10.0


@contextmanager
def serve(data_dir: Path, sip: str, http: str, cores: str | None) -> Iterator[dict[str, Any]]:
    """The platform on these addresses, all of it on `cores` (as taskset takes them); yields its ready file's content."""
    ready_file = data_dir.with_name(f"{data_dir.name}.ready.json")
    ready_file.unlink(missing_ok=True)
    command = [sys.executable, "-P", "-m", "callwright", "up", "--data", str(data_dir), "--http", http, "--sip", sip]
    command += ["--phone", "127.0.0.1:0", "--ready-file", str(ready_file)]
    pinned = [] if cores is None else ["taskset", "-c", cores]
    process = subprocess.Popen([*pinned, *command], stdout=subprocess.DEVNULL)
    try:
        ready = _ready(process, ready_file)
        _seed(ready)
        yield ready
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ready(process: "subprocess.Popen[bytes]", file: Path) -> dict[str, Any]:
    until = time.monotonic() + START_S_MAX
    while time.monotonic() < until:
        if process.poll() is not None:
            sys.exit(f"the platform ended with status {process.returncode} before it was ready")
        if file.exists():
            found: dict[str, Any] = json.loads(file.read_text())
            return found
        time.sleep(0.1)
    sys.exit(f"the platform was not ready within {START_S_MAX:g} s")


def _seed(ready: dict[str, Any]) -> None:
    """The applications and the addresses that lead to them, unless an earlier run made them."""
    with httpx.Client(
        base_url=ready["base_url"], auth=(ready["email"], ready["developer_key"]), trust_env=False
    ) as api:
        there = {number["address"] for number in _ok(api.get("/v1/numbers")).json()}
        if "ivr" not in there:
            prompts = [_ok(api.post("/v1/audio", content=_wav(pitch))).json()["audio"] for pitch in (140, 180)]
            _deploy(api, "ivr", _ivr(*prompts))
        if "setup" not in there:
            _deploy(api, "setup", _setup())


def _ok(reply: httpx.Response) -> httpx.Response:
    if reply.is_error:
        sys.exit(f"{reply.request.method} {reply.request.url}: {reply.status_code} {reply.text}")
    return reply


def _wav(pitch_hz: float) -> bytes:
    samples = media.prompt(pitch_hz)
    return ulaw_header(len(samples), 1) + samples


def _deploy(api: httpx.Client, address: str, document: dict[str, Any]) -> None:
    application = _ok(api.post("/v1/applications", json=document)).json()["id"]
    _ok(api.post(f"/v1/applications/{application}/versions"))
    deployment = _ok(api.post("/v1/deployments", json={"application_id": application, "label": address})).json()["id"]
    _ok(api.post("/v1/numbers", json={"address": address, "deployment_id": deployment}))


def page(name: str, *modules: dict[str, Any]) -> dict[str, Any]:
    start = {"name": "start", "type": "start", "exits": {"next": modules[0]["name"] if modules else "end"}}
    return {"name": name, "pages": [{"name": "Main", "modules": [start, *modules, {"name": "end", "type": "exit"}]}]}


def _ivr(first: str, second: str) -> dict[str, Any]:
    return page(
        "Benchmark: IVR",
        {
            "name": "key",
            "type": "menu",
            "prompt": [{"audio": first}],
            "choices": [{"keys": "1", "value": "one"}],
            "initial_timeout_s": 10,
            "exits": {"one": "second", "no_input": "end", "no_match": "end"},
        },
        {"name": "second", "type": "prompt", "prompt": [{"audio": second}], "exits": {"next": "end"}},
    ) | {"input": {"no_match": {"attempts": [""]}, "no_input": {"attempts": [""]}}}


def _setup() -> dict[str, Any]:
    wait = {"name": "wait", "type": "digits", "initial_timeout_s": 5, "exits": {"next": "end", "no_input": "end"}}
    return page("Benchmark: setup", wait) | {"input": {"no_match": {"attempts": [""]}, "no_input": {"attempts": [""]}}}
