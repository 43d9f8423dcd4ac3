"""DEV: the envelope of its call logs, and the lines in them."""

import re
import time
from typing import Any

from callwright.conformance.rule import expect, rule
from callwright.conformance.target import ABSENT, Target, read_json, read_xml, shown

SERVICES = ("logs", "sessions", "errors")
LOG_KEYS = ["log_id", "session_id", "dest", "type", "src", "start", "end"]
HALF_YEAR_S = 180 * 86_400

_TIME = r"\[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"
SESSION = re.compile(
    rf"(inbound|outbound|transfer) (\S+) (\d+) {_TIME} (\S+) (\d{{6}};\d{{3}};\d+) (\d+) (\d+) (\d\d+):(\d\d):(\d\d)"
)
ERROR = re.compile(rf"error (\S+) (\d+) {_TIME} (\S+) (\d{{6}};\d{{3}};\d+) (.+)", re.DOTALL)


def _path(service: str, query: str = "") -> str:
    now = int(time.time())
    return f"/ws/calls/{service}/{now - HALF_YEAR_S}/{now + 1}{query}"


async def _result(t: Target, service: str, query: str = "?limit=50") -> dict[str, Any]:
    reply = await t.dev(_path(service, query))
    expect(reply.status_code == 200, shown(reply))
    told = read_json(reply)
    expect(list(told) == ["status", "error", "result"], f"keys are {list(told)}")
    expect((told["status"], told["error"]) == ("success", ""), shown(reply))
    result: dict[str, Any] = told["result"]
    return result


@rule("dev-authentication", "dev")
async def dev_refuses_in_its_envelope(t: Target) -> None:
    """A wrong password is answered in the envelope: failure, with the text Unauthorized access to … service"""
    for service in SERVICES:
        reply = await t.ask("GET", _path(service), auth=(t.dev_login, f"{t.dev_password}x"))
        told = read_json(reply)
        expect(told == {"status": "failure", "error": f"Unauthorized access to {service} service"}, shown(reply))


@rule("dev-authentication", "dev", inferred=True)
async def dev_refuses_with_401(t: Target) -> None:
    """Missing credentials are answered with 401"""
    reply = await t.ask("GET", _path("logs"))
    expect(reply.status_code == 401, shown(reply))


@rule("dev-authentication", "dev")
async def dev_envelope_in_xml(t: Target) -> None:
    """In XML the envelope is an element named after the service: status, error, result"""
    for service in SERVICES:
        root = read_xml(await t.dev(_path(service), xml=True))
        expect(root.tag == service, f"the root is <{root.tag}>")
        expect([child.tag for child in root] == ["status", "error", "result"], f"{[child.tag for child in root]}")
        expect(root.findtext("status") == "success" and not root.findtext("error"), f"{root.findtext('error')}")


@rule("dev-call-logs", "dev")
async def dev_logs_are_strings(t: Target) -> None:
    """calls/logs has total_logs and logs, with the documented keys in their order, all strings"""
    result = await _result(t, "logs")
    expect(list(result) == ["total_logs", "logs"] and type(result["total_logs"]) is str, f"keys are {list(result)}")
    for log in result["logs"]:
        expect(list(log) == LOG_KEYS, f"keys are {list(log)}")
        expect(all(type(value) is str for value in log.values()), f"{log}")


@rule("dev-call-logs", "dev")
async def dev_log_of_one_call(t: Target) -> None:
    """calls/log gives the log of a call as one string"""
    for listed in (await _result(t, "logs", "?limit=1"))["logs"]:
        told = read_json(await t.dev(f"/ws/calls/log/{listed['log_id']}"))
        expect(list(told["result"]) == ["log"] and type(told["result"]["log"]) is str, f"{told}"[:200])


@rule("dev-call-logs", "dev", inferred=True)
async def dev_no_such_log(t: Target) -> None:
    """A log that is not there is a failure in the envelope"""
    told = read_json(await t.dev(f"/ws/calls/log/{ABSENT}"))
    expect(list(told) == ["status", "error"] and told["status"] == "failure", f"{told}")


@rule("dev-call-logs", "dev")
async def dev_session_lines(t: Target) -> None:
    """Lines of calls/sessions have the documented nine fields, which agree with each other"""
    for line in (await _result(t, "sessions"))["sessions"]:
        found = SESSION.fullmatch(line)
        expect(found, f"{line!r}")
        assert found is not None
        _, _, channel, _, session_id, start, end, hours, minutes, seconds = found.groups()
        length = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
        expect(length == int(end) - int(start), f"the length is not end - start: {line!r}")
        expect(int(session_id.split(";")[1]) == int(channel), f"two channels: {line!r}")


@rule("dev-call-logs", "dev")
async def dev_error_lines(t: Target) -> None:
    """Lines of calls/errors have the documented fields, then the message"""
    for line in (await _result(t, "errors"))["errors"]:
        expect(ERROR.fullmatch(line), f"{line!r}")


@rule("dev-call-logs", "dev")
async def dev_ranges_are_checked(t: Target) -> None:
    """An end before the start, a start over a year ago, a limit outside of 1 to 10000: failure in the envelope"""
    now = int(time.time())
    for service in SERVICES:
        for rest in (
            f"{now}/{now - 1}",
            f"{now - 400 * 86_400}/{now}",
            f"{now - 9}/{now}?limit=0",
            f"{now - 9}/{now}?limit=10001",
        ):
            told = read_json(await t.dev(f"/ws/calls/{service}/{rest}"))
            expect(list(told) == ["status", "error"] and told["status"] == "failure", f"{service}/{rest}: {told}"[:200])
