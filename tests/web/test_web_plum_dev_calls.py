"""DEV's call logs in the form of the documented samples (docs/compatibility/dev-call-logs.md)."""

import calendar
import json
import re
import time
from zoneinfo import ZoneInfo

import pytest
from lxml import etree

from callwright.services import accounts, calls, engines
from callwright.services.calls import CallBatch
from callwright.services.dev_logs import Reader, error, session
from callwright.session.codec import encode_entry
from callwright.session.commands import Fetch, Log, Play
from callwright.session.events import EvaluationFailed, FetchFailed, HungUp, Match
from callwright.session.prompts import Prompt, Speech
from callwright.session.run import Entry, ModuleRef
from callwright.store import accounts as stored
from callwright.store.calls import CallError, CallRow, ClosedCall, OpenedCall

XML = {"Accept": "application/xml"}
EASTERN = Reader("test@login.com", ZoneInfo("America/New_York"))


def _row(direction: str, src: str, dest: str, session_id: str, start: float, end: float) -> CallRow:
    return CallRow(1, session_id, direction, src, dest, start, end, "exit", "", "", None, 1, True)


def _error(direction: str, src: str, dest: str, session_id: str, at: float, message: str) -> CallError:
    return CallError(1, 0, at, 1, 1, session_id, direction, src, dest, "", message)


# The lines of the samples; their offsets are wrong for these moments, ours are right (spec 4.3, 4.4).
@pytest.mark.pure
@pytest.mark.parametrize(
    ("row", "line"),
    [
        (
            _row("outbound", "Outbound", "12125551234", "300024;026;1509673023", 1509682242.9, 1509682255.1),
            "outbound 12125551234 26 [03/Nov/2017:00:10:42 -0400] test@login.com 300024;026;1509673023 "
            "1509682242 1509682255 00:00:13",
        ),
        (
            _row("inbound", "7185551234", "6177123000", "200035;003;1509734279", 1509734310, 1509734339),
            "inbound 7185551234 3 [03/Nov/2017:14:38:30 -0400] 6177123000 200035;003;1509734279 "
            "1509734310 1509734339 00:00:29",
        ),
        (
            _row("inbound", "6175551234", "8009957586", "400050;001;1509747051", 1509747067, 1509747180),
            "inbound 6175551234 1 [03/Nov/2017:18:11:07 -0400] 8009957586 400050;001;1509747051 "
            "1509747067 1509747180 00:01:53",
        ),
        (
            _row("transfer", "a b", "", "400050;999;1", 1512345678, 1512345678 + 360000 + 61),
            "transfer a_b 999 [03/Dec/2017:19:01:18 -0500] unknown 400050;999;1 1512345678 1512705739 100:01:01",
        ),
    ],
)
def test_session_lines_of_the_samples(row: CallRow, line: str) -> None:
    assert session(row, EASTERN) == line


@pytest.mark.pure
@pytest.mark.parametrize(
    ("found", "line"),
    [
        (
            _error("inbound", "2125551234", "6177123000", "100025;006;1479411625", 1479411646,
                   "Max Disconnect Count Exceeded"),
            "error 2125551234 6 [17/Nov/2016:14:40:46 -0500] 6177123000 100025;006;1479411625 "
            "Max Disconnect Count Exceeded",
        ),
        (
            _error("inbound", "7185551234", "8009957586", "100037;001;1479692314", 1479695326,
                   "Maximum loop count exceeded: 5000 modules"),
            "error 7185551234 1 [20/Nov/2016:21:28:46 -0500] 8009957586 100037;001;1479692314 "
            "errno: 210 message Maximum loop count exceeded",
        ),
        (
            _error("inbound", "6175551234", "8009957586", "000020;000;1483968637", 1483968811.5,
                   "ReferenceError: d is not defined line 1"),
            "error 6175551234 0 [09/Jan/2017:08:33:31 -0500] 8009957586 000020;000;1483968637 "
            "ReferenceError: d is not defined line 1",
        ),
    ],
)  # fmt: skip
def test_error_lines_of_the_samples(found: CallError, line: str) -> None:
    assert error(found, EASTERN) == line


SESSION_LINE = re.compile(
    r"(?P<calltype>inbound|outbound|transfer) (?P<ani>\S+) (?P<channum>0|[1-9][0-9]{0,2}) "
    r"\[(?P<timestamp>[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4})\] (?P<dnis>\S+) "
    r"(?P<sessionid>[0-9]{6};[0-9]{3};[0-9]+) (?P<start>[0-9]+) (?P<end>[0-9]+) (?P<length>[0-9]{2,}:[0-9]{2}:[0-9]{2})"
)
ERROR_LINE = re.compile(
    r"error (?P<ani>\S+) (?P<channum>\S+) \[(?P<timestamp>[^]]+)\] (?P<dnis>\S+) (?P<sessionid>\S+) (?P<message>.+)"
)


def _parsed(line: str) -> dict[str, str]:
    """By the table of the documents, with what holds between its fields."""
    found = SESSION_LINE.fullmatch(line)
    assert found, line
    fields = found.groupdict()
    stamp = time.strptime(fields["timestamp"], "%d/%b/%Y:%H:%M:%S %z")
    assert int(calendar.timegm(stamp)) - stamp.tm_gmtoff == int(fields["start"])
    assert int(fields["sessionid"].split(";")[1]) == int(fields["channum"])
    hours, minutes, seconds = map(int, fields["length"].split(":"))
    assert 3600 * hours + 60 * minutes + seconds == int(fields["end"]) - int(fields["start"])
    return fields


# -- over HTTP --------------------------------------------------------------------------------------

MENU = ModuleRef("Main", "var_0", "menu")
SCRIPT = ModuleRef("Main", "script", "evaluate_js")
NOTE = ModuleRef("Main", "note", "call_log")


@pytest.fixture
async def three(db, world):
    """Three calls of a minute ago: with a journal and errors, outbound, and six days old. (id, session id, start) each."""
    engine = (await engines.register(db, "test", time.time())).id
    now = int(time.time())
    starts = [now - 60.0, now - 50.0, now - 6 * 86_400.0]
    ids = await calls.reserve_ids(db, 3)
    its = (world.scope.account_id, world.scope.user_id, world.application_id, world.deployment_id, 1, None, engine)
    sessions = [f"300060;00{n};{int(start)}" for n, start in enumerate(starts)]
    parties = [("inbound", "2125551234", world.number), ("outbound", "Outbound", "16175551234"), ("inbound", "1", "2")]
    at = starts[0]
    entries = [
        Entry(at, None, Log('Executing application "x" version "2"', "info")),
        Entry(at, MENU, Play((Prompt((Speech("Hello & <welcome>\nto Acme"),)),))),
        Entry(at + 1, MENU, Match(at + 1, "m", "six", "6")),
        Entry(at + 2, MENU, Fetch("GET", "http://192.0.2.1/a?b=c")),
        Entry(at + 3, MENU, FetchFailed(at + 3, "timed out")),
        Entry(at + 3, SCRIPT, EvaluationFailed(at + 3, "ReferenceError: d is not defined line 1")),
        Entry(at + 4, NOTE, Log("reached the end", "info")),
        Entry(at + 5, None, HungUp(at + 5)),
    ]
    batch = CallBatch(
        opened=[
            OpenedCall(call_id, *its, session_id, "x@y", direction, src, dest, start, world.number)
            for call_id, session_id, (direction, src, dest), start in zip(ids, sessions, parties, starts, strict=True)
        ],
        closed=[ClosedCall(call_id, start + 6.5, "exit", "", "") for call_id, start in zip(ids, starts, strict=True)],
        events=[(ids[0], n, one.at, encode_entry(one).decode()) for n, one in enumerate(entries)],
    )
    who = (world.scope.account_id, world.scope.user_id)
    for call, direction, src, dest, when, message in (
        (0, "inbound", "2125551234", world.number, at + 3, "Request failed: timed out"),
        (0, "inbound", "2125551234", world.number, at + 3.5, "ReferenceError: d is not defined line 1"),
        (2, "inbound", "1", "2", starts[2], "Maximum loop count exceeded: 5000 modules"),
    ):
        batch.errors.append(
            CallError(
                ids[call], len(batch.errors), when, *who, sessions[call], direction, src, dest, world.number, message
            )
        )
    await calls.write(db, batch)
    return list(zip(ids, sessions, [int(start) for start in starts], strict=True))


def _range() -> str:
    now = int(time.time())
    return f"{now - 20 * 86_400}/{now}"


@pytest.mark.store
async def test_logs(dev_client, three, world):
    (first, first_session, first_at), (second, second_session, second_at), _ = three
    reply = await dev_client.get(f"/ws/calls/logs/{_range()}")
    assert reply.text == (
        '{"status":"success","error":"","result":{"total_logs":"2","logs":['
        f'{{"log_id":"{second}","session_id":"{second_session}","dest":"16175551234","type":"outbound",'
        f'"src":"Outbound","start":"{second_at}","end":"{second_at + 6}"}},'
        f'{{"log_id":"{first}","session_id":"{first_session}","dest":"{world.number}","type":"inbound",'
        f'"src":"2125551234","start":"{first_at}","end":"{first_at + 6}"}}]}}}}'
    )
    reply = await dev_client.get(f"/ws/calls/logs/{_range()}?limit=1&offset=1", headers=XML)
    assert reply.text == (
        '<?xml version="1.0"?><logs><status>success</status><error></error><result><total_logs>2</total_logs><logs><log>'
        f"<log_id>{first}</log_id><session_id>{first_session}</session_id><dest>{world.number}</dest>"
        f"<type>inbound</type><src>2125551234</src><start>{first_at}</start><end>{first_at + 6}</end>"
        "</log></logs></result></logs>"
    )


@pytest.mark.store
async def test_one_log(dev_client, three, db, world):
    (call_id, session_id, at), *_, (old, _, _) = three
    await accounts.set_logging(db, world.scope, time_zone="Europe/Vienna", details_days=None, calls_days=None)
    reply = (await dev_client.get(f"/ws/calls/log/{call_id}")).json()
    assert list(reply) == ["status", "error", "result"] and list(reply["result"]) == ["log"]
    lines = reply["result"]["log"].split("\n")
    form = re.compile(
        r"((Mon|Tue|Wed|Thu|Fri|Sat|Sun) [0-9]{2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4} "
        r"(0[1-9]|1[0-2])(:[0-5][0-9]){2} (AM|PM) CES?T) "
        r"\[(client|dxi|inet|jsi|log|prompt|rec|tel|vxi|dlg|sip)\] "
        rf"\({re.escape(session_id)}\) (EVENT|DEBUG|LOCAL|USAGE|ERROR): (.+)"
    )
    found = [form.fullmatch(line) for line in lines]
    assert all(found), lines
    local = time.strptime(found[0][1].rpartition(" ")[0], "%a %d %b %Y %I:%M:%S %p")
    assert calendar.timegm(local) - at in (3600, 7200)
    assert [(one[7], one[8], one[9]) for one in found] == [
        ("log", "EVENT", 'Executing application "x" version "2"'),
        ("prompt", "EVENT", "Hello & <welcome> to Acme"),
        ("rec", "EVENT", "User input: 6 (dtmf)"),
        ("inet", "EVENT", "GET http://192.0.2.1/a?b=c"),
        ("inet", "ERROR", "Request failed: timed out"),
        ("jsi", "ERROR", "ReferenceError: d is not defined line 1"),
        ("log", "LOCAL", "reached the end"),
        ("tel", "EVENT", "Caller hung up"),
    ]
    root = etree.fromstring((await dev_client.get(f"/ws/calls/log/{call_id}", headers=XML)).content)
    assert [root.tag, *(child.tag for child in root)] == ["log", "status", "error", "result"]
    assert root.findtext("result/log") == reply["result"]["log"]
    for gone in (old, 999_999, "x", "%00"):
        reply = await dev_client.get(f"/ws/calls/log/{gone}")
        assert (reply.status_code, reply.text) == (200, '{"status":"failure","error":"log not found"}')


@pytest.mark.store
async def test_sessions(dev_client, three, world):
    reply = await dev_client.get(f"/ws/calls/sessions/{_range()}")
    body = json.loads(reply.text)
    assert reply.text.startswith(
        '{"status":"success","error":"","result":{"total_sessions":"3","sessions":["outbound 1617'
    )
    assert "\\/" in reply.text
    parsed = [_parsed(line) for line in body["result"]["sessions"]]
    assert [(one["calltype"], one["ani"], one["dnis"]) for one in parsed] == [
        ("outbound", "16175551234", world.account.email),
        ("inbound", "2125551234", world.number),
        ("inbound", "1", "2"),
    ]
    assert [one["sessionid"] for one in parsed] == [three[n][1] for n in (1, 0, 2)]
    assert {one["length"] for one in parsed} == {"00:00:06"}
    xml = (await dev_client.get(f"/ws/calls/sessions/{_range()}?limit=2", headers=XML)).text
    first, second, _ = body["result"]["sessions"]
    assert xml == (
        '<?xml version="1.0"?><sessions><status>success</status><error></error><result><total_sessions>3</total_sessions>'
        f"<sessions><session>{first}</session><session>{second}</session></sessions></result></sessions>"
    )


@pytest.mark.store
async def test_errors(dev_client, three):
    body = (await dev_client.get(f"/ws/calls/errors/{_range()}")).json()
    assert list(body["result"]) == ["total_errors", "errors"] and body["result"]["total_errors"] == "3"
    parsed = [ERROR_LINE.fullmatch(line).groupdict() for line in body["result"]["errors"]]
    assert [one["message"] for one in parsed] == [
        "ReferenceError: d is not defined line 1",
        "Request failed: timed out",
        "errno: 210 message Maximum loop count exceeded",
    ]
    assert [one["sessionid"] for one in parsed] == [three[n][1] for n in (0, 0, 2)]
    stamp = time.strptime(parsed[1]["timestamp"], "%d/%b/%Y:%H:%M:%S %z")
    assert calendar.timegm(stamp) - stamp.tm_gmtoff == three[0][2] + 3
    xml = etree.fromstring((await dev_client.get(f"/ws/calls/errors/{_range()}", headers=XML)).content)
    assert [xml.tag, [one.text for one in xml.findall("result/errors/error")]] == ["errors", body["result"]["errors"]]
    page = (await dev_client.get(f"/ws/calls/errors/{_range()}?limit=1&offset=2")).json()["result"]
    assert (page["total_errors"], page["errors"]) == ("3", body["result"]["errors"][2:])


LISTS = ["logs", "sessions", "errors"]


@pytest.mark.store
@pytest.mark.parametrize("service", LISTS)
@pytest.mark.parametrize("name", ["number", "numbers"])
@pytest.mark.parametrize(("number", "found"), [("8005550111", True), ("18005550111", True), ("8005550222", False)])
async def test_by_number(dev_client, three, service, name, number, found):
    result = (await dev_client.get(f"/ws/calls/{service}/{_range()}?{name}={number}")).json()["result"]
    assert (int(result[f"total_{service}"]) > 0) is found
    assert bool(result[service]) is found


@pytest.mark.store
@pytest.mark.parametrize("service", LISTS)
async def test_start_is_inclusive_and_end_exclusive(dev_client, three, service):
    at = three[0][2] + (3 if service == "errors" else 0)
    for start, end, count in ((at, at + 1, 1), (at - 1, at, 0), (at + 1, at + 2, 0)):
        if service == "errors":
            count *= 2  # the other is half a second later
        result = (await dev_client.get(f"/ws/calls/{service}/{start}/{end}")).json()["result"]
        assert (result[f"total_{service}"], len(result[service])) == (str(count), count)


YEAR_S = 366 * 86_400


@pytest.mark.store
@pytest.mark.parametrize("service", LISTS)
@pytest.mark.parametrize(
    ("start", "end", "query", "text"),
    [
        (-YEAR_S - 60, 0, "", "start_timestamp must be within the last year"),
        (0, 0, "", "end_timestamp must be after start_timestamp"),
        (0, -1, "", "end_timestamp must be after start_timestamp"),
        (-60, 0, "limit=0", "limit must be between 1 and 10000"),
        (-60, 0, "limit=10001", "limit must be between 1 and 10000"),
        (-60, 0, "limit=x", "limit must be between 1 and 10000"),
        (-60, 0, "offset=-1", "offset must be between 0 and 10000000"),
        (-YEAR_S + 60, 0, "limit=1&offset=0&number=", ""),
        (-60, 0, "limit=10000&offset=10000000", ""),
    ],
)
async def test_limits(dev_client, service, start, end, query, text):
    now = int(time.time())
    reply = await dev_client.get(f"/ws/calls/{service}/{now + start}/{now + end}?{query}")
    assert (reply.status_code, reply.json()["error"]) == (200, text)


@pytest.mark.store
@pytest.mark.parametrize("start", ["x", "-1", "1e9", "9" * 30, "%00"])
async def test_times_that_are_none(dev_client, start):
    reply = await dev_client.get(f"/ws/calls/sessions/{start}/{int(time.time())}")
    assert reply.json() == {"status": "failure", "error": "start_timestamp must be a UNIX timestamp"}


@pytest.mark.store
async def test_a_demo_account_has_no_logs(dev_client, three, db, world):
    await stored.set_demo(db, world.scope, world.scope.account_id, True)
    for path in (*(f"/ws/calls/{service}/{_range()}" for service in LISTS), f"/ws/calls/log/{three[0][0]}"):
        reply = await dev_client.get(path)
        assert reply.status_code == 200
        assert reply.text == '{"status":"failure","error":"Logging is not available on demo accounts"}'


@pytest.mark.store
async def test_another_account_reads_nothing(dev_client, three, other):
    dev_client.auth = (other.account.email, "Secret-123")
    for service in LISTS:
        assert (await dev_client.get(f"/ws/calls/{service}/{_range()}")).json()["result"][f"total_{service}"] == "0"
    assert (await dev_client.get(f"/ws/calls/log/{three[0][0]}")).json()["error"] == "log not found"


@pytest.mark.store
async def test_an_account_says_how_long_it_keeps_logs(client, dev_client, three):
    assert (await client.get("/v1/account")).json() == {
        "email": "ann@example.test",
        "demo": False,
        "time_zone": "America/New_York",
        "details_days": None,
        "calls_days": None,
        "notification_url": "",
        "notification_email": "",
        "sms_refusal_in_response": False,
        "sms_blocks_account": False,
    }
    body = {"time_zone": "Asia/Kolkata", "details_days": 0, "calls_days": 3}
    assert (await client.put("/v1/account/logging", json=body)).status_code == 204
    assert (await client.get("/v1/account")).json().items() >= body.items()
    assert (await dev_client.get(f"/ws/calls/logs/{_range()}")).json()["result"]["total_logs"] == "0"
    sessions = (await dev_client.get(f"/ws/calls/sessions/{_range()}")).json()["result"]["sessions"]
    assert len(sessions) == 2 and all("+0530]" in line for line in sessions)
    refused = await client.put("/v1/account/logging", json=body | {"details_days": 6})
    assert refused.status_code == 422 and refused.json()["errors"][0]["field"] == "details_days"
