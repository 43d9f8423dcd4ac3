"""What goes wrong in real calls is read over DEV's API for a year (docs/compatibility/dev-call-logs.md)."""

import re
import socket
import time
from typing import Any

import httpx
import pytest
from conftest import Running

pytestmark = pytest.mark.wire

START = {"name": "start", "type": "start", "exits": {"next": "go"}}
END = {"name": "end", "type": "exit"}
LINE = re.compile(
    r"error (?P<ani>\S+) (?P<channum>[0-9]{1,3}) \[(?P<stamp>[^]]+)\] (?P<dnis>\S+) "
    r"(?P<session>[0-9]{6};(?P<channel>[0-9]{3});(?P<began>[0-9]+)) (?P<message>.+)"
)
TEST_PHONE = "12125550101"


def _application(name: str, *modules: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "pages": [{"name": "Main", "modules": [START, *modules, END]}]}


def _dead_port() -> int:
    """Nobody listens there."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def _dev(platform: Running, path: str, **options: Any) -> httpx.Response:
    auth = (platform.ready["dev_login"], platform.ready["dev_password"])
    async with httpx.AsyncClient(base_url=platform.ready["base_url"], auth=auth, trust_env=False, timeout=30) as client:
        return await client.get(path, **options)


async def _called(platform: Running, application: dict[str, Any], *, address: str | None = None) -> str:
    """Its session id, once the call has ended."""
    deployment = await platform.deploy(application, address=address)
    over = await platform.over(await platform.queue(TEST_PHONE, deployment=deployment))
    assert over["details"]["status"] == "completed", over
    (call,) = over["calls"]
    return str(call["session_id"])


async def test_errors_of_calls_that_ran(platform: Running):
    began = int(time.time())
    script = {
        "name": "go",
        "type": "evaluate_js",
        "script": "var a = 1;\nd + 1;",
        "exits": {"next": "end", "error": "end"},
    }
    url = f"http://127.0.0.1:{_dead_port()}/nothing"
    fetch = {"name": "go", "type": "rest", "url": url, "exits": {"next": "end", "error": "end"}}
    # There is a way out, so it may be published; but no caller ever takes it.
    circle = {
        "name": "go",
        "type": "compare",
        "variable": "session.id",
        "rows": [{"value": "another", "exit": "found"}],
        "exits": {"found": "end", "otherwise": "go"},
    }
    sessions = {
        "throws": await _called(platform, _application("Throws", script), address="8005550191"),
        "fetches": await _called(platform, _application("Fetches", fetch)),
        "loops": await _called(platform, _application("Loops", circle)),
    }
    path = f"/ws/calls/errors/{began - 1}/{int(time.time()) + 1}"
    result = (await _dev(platform, path)).json()["result"]
    found = [LINE.fullmatch(line) for line in result["errors"]]
    assert all(found), result
    messages = {line["session"]: line["message"] for line in found}
    assert messages[sessions["throws"]] == "ReferenceError: d is not defined line 2"
    assert messages[sessions["fetches"]].startswith("Request failed: ")
    assert messages[sessions["loops"]] == "errno: 210 message Maximum loop count exceeded"
    assert int(result["total_errors"]) == len(found)
    for line in found:
        assert (line["ani"], line["dnis"]) == (TEST_PHONE, platform.ready["dev_login"])
        assert int(line["channum"]) == int(line["channel"])
        stamp = time.strptime(line["stamp"], "%d/%b/%Y:%H:%M:%S %z")
        assert stamp.tm_gmtoff in (-5 * 3600, -4 * 3600) and int(line["began"]) >= began
    # By the number of the deployment, the one alone.
    only = (await _dev(platform, f"{path}?number=18005550191")).json()["result"]
    assert (only["total_errors"], len(only["errors"])) == ("1", 1)
    assert only["errors"][0].endswith("ReferenceError: d is not defined line 2")


async def test_the_log_of_a_call_that_ran(platform: Running):
    began = int(time.time())
    note = {"name": "go", "type": "call_log", "text": "so far so good", "exits": {"next": "said"}}
    said = {"name": "said", "type": "prompt", "prompt": "Hello", "exits": {"next": "end"}}
    session_id = await _called(platform, _application("Logs", note, said))
    window = f"{began - 1}/{int(time.time()) + 1}"
    logs = (await _dev(platform, f"/ws/calls/logs/{window}")).json()["result"]["logs"]
    (log_id,) = (one["log_id"] for one in logs if one["session_id"] == session_id)
    log = (await _dev(platform, f"/ws/calls/log/{log_id}")).json()["result"]["log"]
    assert f"[log] ({session_id}) LOCAL: so far so good" in log
    assert f"[prompt] ({session_id}) EVENT: Hello" in log
    sessions = (await _dev(platform, f"/ws/calls/sessions/{window}")).json()["result"]["sessions"]
    (line,) = (line for line in sessions if session_id in line)
    assert line.startswith(f"outbound {TEST_PHONE} {int(session_id.split(';')[1])} [")
