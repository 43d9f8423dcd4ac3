"""The suite passes on our server, and fails where a server is wrong: each rule of it, in ways that were chosen."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from examined import target_on
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from callwright.base.errors import ProviderError
from callwright.conformance import suite
from callwright.conformance.rule import RULES
from callwright.conformance.target import Target

pytestmark = pytest.mark.store


async def _verdicts(app, world, **options) -> dict[str, tuple[str, str]]:
    target = target_on(app, world)
    async with target.client:
        results = await suite.run(target, **options)
    return {result.rule.name: (result.verdict, result.reason) for result in results}


async def test_ours_keeps_every_rule(app, db, world):
    verdicts = await _verdicts(app, world)
    assert {name: told for name, told in verdicts.items() if told[0] != "pass"} == {}
    assert list(verdicts) == [rule.name for rule in RULES] and len(verdicts) > 40
    waiting = await db.pool.fetchval("SELECT count(*) FROM outbound_calls WHERE status <> 'canceled'")
    assert waiting == 0, "what it queued is cancelled"
    assert await db.pool.fetchval("SELECT min(due_at) - max(queued_at) FROM outbound_calls") > 86_000


async def test_without_leave_nothing_is_queued(app, db, world):
    target = target_on(app, world)
    target.number = ""
    async with target.client:
        results = await suite.run(target)
    skipped = {result.rule.name for result in results if result.verdict == "skipped"}
    assert skipped == {rule.name for rule in RULES if "number" in rule.needs}
    assert all("--number" in result.reason for result in results if result.verdict == "skipped")
    assert await db.pool.fetchval("SELECT count(*) FROM outbound_calls") == 0


async def test_what_is_needed_is_said(app, world):
    target = target_on(app, world)
    target.number = target.dev_login = ""
    target.deployment_id = 0
    async with target.client:
        results = await suite.run(target, documented_only=True)
    assert not any(result.rule.inferred for result in results)
    assert {result.verdict for result in results} == {"pass", "skipped"}
    assert all(bool(result.rule.needs) == (result.verdict == "skipped") for result in results)


@pytest.mark.parametrize(
    "answer",
    [
        Response("{}", 200, media_type="application/json"),
        Response("[]", 200, media_type="application/json"),
        Response("<result/>", 200, media_type="application/xml"),
        Response("<h1>Internal Server Error</h1>", 500, media_type="text/html"),
    ],
    ids=["empty object", "empty list", "empty element", "error page"],
)
async def test_no_rule_holds_for_a_server_that_says_always_the_same(world, answer):
    verdicts = await _verdicts(answer, world)
    held = {name for name, (verdict, _) in verdicts.items() if verdict != "fail"}
    assert held == set()


@dataclass
class Wrong:
    """Our server with one thing wrong."""

    app: ASGIApp
    change: Callable[[Scope, int, dict[str, str], str], tuple[int, str]]
    "From the request, and status, headers (to be changed in place) and body of the right answer."

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: dict = {}
        body = b""

        async def held(message) -> None:
            nonlocal body
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                body += message.get("body", b"")

        await self.app(scope, receive, held)
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        headers.pop("content-length", None)
        status, text = self.change(scope, start["status"], headers, body.decode())
        await Response(text, status, headers)(scope, receive, send)


def _replaced(old: str, new: str, *, path: str = "/"):
    def change(scope, status, headers, text):
        return status, text.replace(old, new) if path in scope["path"] else text

    return change


def _status(old: int, new: int, *, path: str = "/"):
    def change(scope, status, headers, text):
        return new if status == old and path in scope["path"] else status, text

    return change


def _without(header: str):
    def change(scope, status, headers, text):
        headers.pop(header, None)
        return status, text

    return change


def _always_json(scope, status, headers, text):
    if headers.get("content-type") == "application/xml":
        headers["content-type"] = "application/json"
        text = "{}"
    return status, text


def _reordered(scope, status, headers, text):
    if status == 200 and headers["content-type"] == "application/json" and text.startswith("{"):
        text = json.dumps(json.loads(text), sort_keys=True)
    return status, text


def _knows_no_escape(scope, status, headers, text):
    return 404 if b"%3B" in scope["raw_path"] and status == 200 else status, text


def _ignores_limit(scope, status, headers, text):
    if scope["path"].startswith("/api/calls/") and scope["query_string"].startswith(b"limit=2") and text[0] == "{":
        told = json.loads(text)
        text = json.dumps({"calls": told["calls"] + told["calls"][:1], "total_calls": told["total_calls"]})
    return status, text


def _takes_all(scope, status, headers, text):
    """No field of a call is ever refused."""
    if scope["path"].endswith("/queue") and status == 400:
        return 200, '{"call_id":1}'
    return status, text


def _takes_part_of_a_file(scope, status, headers, text):
    if scope["path"].endswith("/bulk_queue") and "Invalid destination" in text:
        return 200, '{"call_ids":[1]}'
    return status, text


def _one_text(scope, status, headers, text):
    return status, re.sub(r'"options":\[.*?\]', '"options":"all"', text)


def _other_root(scope, status, headers, text):
    return status, re.sub(r"(</?)get\w+", r"\1result", text) if "/ws/application/" in scope["path"] else text


def _knows_no_suffix(scope, status, headers, text):
    if scope["path"].endswith(".xml"):
        headers["content-type"] = "application/json"
        text = "{}"
    return status, text


WRONG = {
    "status as numbers": (_replaced('"attempts":"0"', '"attempts":0'), {"status-has-its-keys-and-types"}),
    "total as text": (_replaced('"total_calls":3', '"total_calls":"3"'), {"calls-have-their-keys-and-types"}),
    "log as a number": (_replaced('"log":true', '"log":1'), {"calls-have-their-keys-and-types"}),
    "sources of outbound calls": (_replaced('"Outbound"', '"6175551234"'), {"outbound-calls-have-no-source"}),
    "keys in another order": (
        _reordered,
        {"calls-have-their-keys-and-types", "status-has-its-keys-and-types", "dev-logs-are-strings"},
    ),
    "no reason": (_replaced("Authorization header is missing.", ""), {"no-credentials"}),
    "a wrong key is let in": (_status(401, 200), {"no-credentials", "wrong-key", "unknown-email", "malformed-header"}),
    "no Link": (_without("link"), {"queue-answers-with-an-id", "queue-answers-in-xml"}),
    "no Allow": (_without("allow"), {"method-before-credentials"}),
    "no XML": (_always_json, {"accept", "refusal-in-xml", "calls-in-xml", "status-in-xml", "dev-envelope-in-xml"}),
    "404 for a method": (_status(405, 404), {"wrong-method", "method-before-credentials"}),
    "200 for a cancel": (_status(202, 200), {"cancel-takes-back-what-waits"}),
    "another text for 404": (_replaced("No deployment was found", "Nothing was found"), {"no-such-deployment"}),
    "%3B is not known": (_knows_no_escape, {"a-log-has-its-entries"}),
    "limit is ignored": (_ignores_limit, {"calls-come-in-pages"}),
    "no field is checked": (_takes_all, {"phone-number-is-required", "fields-have-their-limits"}),
    "part of a file": (_takes_part_of_a_file, {"a-wrong-csv-is-refused", "a-file-is-taken-whole-or-not-at-all"}),
    "lines are not counted": (_replaced(" on line ", " in row "), {"a-wrong-csv-names-its-line"}),
    "415 is 400": (_status(415, 400), {"a-file-is-multipart"}),
    "details without their class": (_replaced('"class"', '"level"'), {"detailed-calls-have-their-keys-and-types"}),
    "DEV's refusal": (_replaced("Unauthorized access to", "No access to"), {"dev-refuses-in-its-envelope"}),
    "DEV's lines of calls": (_replaced(" 00:01:15", " 75"), {"dev-session-lines"}),
    "DEV's length of calls": (_replaced(" 00:01:15", " 00:01:16"), {"dev-session-lines"}),
    "DEV's lines of errors": (_replaced('"error 2125551234', '"2125551234'), {"dev-error-lines"}),
    "DEV's ranges": (
        _replaced('"failure","error":"start_timestamp', '"success","error":"start_timestamp'),
        {"dev-ranges-are-checked"},
    ),
    "no credentials in the application API": (
        _replaced("Unauthorized access to get", "No access to get"),
        {"application-refuses-in-its-envelope"},
    ),
    "anybody's numbers": (
        _replaced('"failure","error":"phone_number', '"success","error":"phone_number', path="/ws/application"),
        {"application-takes-numbers-of-ones-own"},
    ),
    "options as one text": (_one_text, {"application-has-options"}),
    "the application API's root": (_other_root, {"application-in-xml"}),
    "texts' refusal": (
        _replaced("Unauthorized access to messages", "No access to messages"),
        {"sms-refuses-in-its-envelope"},
    ),
    "texts' offset": (
        _replaced('"offset":0', '"offset":"0"', path="/ws/sms/messages"),
        {"sms-messages-have-their-keys-and-types"},
    ),
    "conversations' offset": (
        _replaced('"offset":"0"', '"offset":0', path="/ws/sms/conversation"),
        {"sms-conversations-have-their-keys-and-types"},
    ),
    "texts' suffix": (_knows_no_suffix, {"sms-form-is-of-the-suffix"}),
    "texts' limits": (
        _replaced('"failure","error":"limit', '"success","error":"limit', path="/ws/sms"),
        {"sms-lists-have-their-limits"},
    ),
    "texts' number_type": (
        _replaced('"failure","error":"number_type', '"success","error":"number_type', path="/ws/sms"),
        {"sms-number-type-goes-with-its-number"},
    ),
    "conversations of one": (
        _replaced('"failure","error":"phone_number2', '"success","error":"phone_number2', path="/ws/sms"),
        {"sms-conversations-have-two-numbers"},
    ),
    "texts to nobody": (
        _replaced('"failure"', '"success"', path="/ws/sms/queue"),
        {"sms-without-its-fields-is-not-queued"},
    ),
    "no PIN": (_status(401, 200, path="/webservice/"), {"outbound-wants-its-pin"}),
    "DEV outbound's failures": (
        _replaced('status="failed"', 'status="refused"', path="/webservice/"),
        {
            "outbound-wants-its-pin",
            "outbound-wants-a-number",
            "outbound-asks-start-url-first",
            "outbound-fields-have-their-lengths",
            "outbound-numbers-have-their-ranges",
            "outbound-times-in-words",
            "campaigns-have-names-and-numbers",
        },
    ),
    "no probe": (
        _replaced('status="failed" error="start_url', 'status="queued" call_id="1', path="/webservice/"),
        {"outbound-asks-start-url-first"},
    ),
    "no ranges": (
        _replaced('status="failed" error="retry_interval', 'status="queued" call_id="1', path="/webservice/"),
        {"outbound-numbers-have-their-ranges"},
    ),
    "DEV's numbers": (_replaced('"total_logs":"3"', '"total_logs":3'), {"dev-logs-are-strings"}),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_what_is_wrong_is_noticed(app, world, wrong):
    change, noticed_by = WRONG[wrong]
    verdicts = await _verdicts(Wrong(app, change), world)
    failed = {name for name, (verdict, _) in verdicts.items() if verdict == "fail"}
    assert noticed_by <= failed
    assert len(failed) < len(RULES) / 2, "one wrong thing is not everything"
    assert all(verdicts[name][1] for name in failed), "a failure without its reason"


async def test_a_server_that_is_not_there(world):
    import httpx

    async with httpx.AsyncClient(base_url="http://127.0.0.1:9", trust_env=False) as client:
        with pytest.raises(ProviderError, match=r"127\.0\.0\.1:9 does not answer"):
            await suite.run(Target(client, "a", "b"))


@pytest.mark.pure
def test_every_rule_has_its_title_and_its_page():
    from pathlib import Path

    pages = Path(__file__).parents[2] / "docs" / "compatibility"
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert (pages / f"{rule.page}.md").exists(), rule.page
        assert rule.title and not rule.title.endswith(".") and "\n" not in rule.title
