"""Lists of calls and detailed logs (docs/compatibility/fuse-call-logs.md, fuse-call-log.md)."""

import time

import pytest

from callwright.services import calls, engines
from callwright.services.calls import CallBatch
from callwright.session.codec import encode_entry
from callwright.session.commands import Log, Play
from callwright.session.events import Match
from callwright.session.prompts import Prompt, Speech
from callwright.session.run import Entry, ModuleRef
from callwright.store import calls as stored_calls
from callwright.store.calls import ClosedCall, OpenedCall

pytestmark = pytest.mark.store

START = ModuleRef("Main", "start", "start")
MENU = ModuleRef("Main", "var_0", "menu")


async def _call(db, world, session_id: str, started_at: float, *, direction: str = "inbound", entries=()) -> None:
    engine = (await engines.register(db, "test", time.time())).id
    (call_id,) = await calls.reserve_ids(db, 1)
    opened = OpenedCall(
        id=call_id,
        account_id=world.scope.account_id,
        user_id=world.scope.user_id,
        application_id=world.application_id,
        deployment_id=world.deployment_id,
        version_id=1,
        outbound_call_id=None,
        engine_id=engine,
        session_id=session_id,
        sip_call_id="x@y",
        direction=direction,
        src="Outbound" if direction == "outbound" else "2125551234",
        dest=world.number if direction == "inbound" else "16175551234",
        number=world.number,
        started_at=started_at,
    )
    events = [(call_id, seq, entry.at, encode_entry(entry).decode()) for seq, entry in enumerate(entries)]
    closed = ClosedCall(call_id, started_at + 6.5, "exit", "", "")
    await calls.write(db, CallBatch(opened=[opened], events=events, closed=[closed]))


async def test_list(client, stranger, db, world):
    now = int(time.time())
    await _call(db, world, "300060;001;1529552581", now - 100.0)
    await _call(db, world, "300060;002;1529552582", now - 50.0, direction="outbound")
    reply = await client.get(f"/api/calls/{now - 1000}/{now}")
    assert reply.json() == {
        "calls": [
            {
                "dest": "16175551234",
                "src": "Outbound",
                "start": now - 50,
                "end": now - 44,
                "session_id": "300060;002;1529552582",
                "type": "outbound",
                "log": True,
            },
            {
                "dest": world.number,
                "src": "2125551234",
                "start": now - 100,
                "end": now - 94,
                "session_id": "300060;001;1529552581",
                "type": "inbound",
                "log": True,
            },
        ],
        "total_calls": 2,
    }
    assert list(reply.json()["calls"][0]) == ["dest", "src", "start", "end", "session_id", "type", "log"]
    xml = (await client.get(f"/api/calls/{now - 60}/{now}", headers={"Accept": "application/xml"})).text
    assert xml == (
        '<?xml version="1.0"?><result><calls><item><dest>16175551234</dest><src>Outbound</src>'
        f"<start>{now - 50}</start><end>{now - 44}</end><session_id>300060;002;1529552582</session_id>"
        "<type>outbound</type><log>true</log></item></calls><total_calls>1</total_calls></result>"
    )
    assert (await stranger.get(f"/api/calls/0/{now}")).json() == {"calls": [], "total_calls": 0}


async def test_pages_and_numbers(client, db, world):
    now = int(time.time())
    for n in range(5):
        await _call(db, world, f"1;00{n};1", now - 100.0 + n)
    page = (await client.get(f"/api/calls/0/{now}?limit=2&offset=1")).json()
    assert [call["session_id"] for call in page["calls"]] == ["1;003;1", "1;002;1"]
    assert page["total_calls"] == 5
    assert (await client.get(f"/api/calls/0/{now}?number={world.number}")).json()["total_calls"] == 5
    assert (await client.get(f"/api/calls/0/{now}?number=8")).json()["total_calls"] == 0


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/calls/x/1", "start"),
        ("/api/calls/0/1e9", "end"),
        ("/api/calls/0/1?limit=0", "limit"),
        ("/api/calls/0/1?limit=10001", "limit"),
        ("/api/calls/0/1?offset=-1", "offset"),
        ("/api/calls/0/" + "9" * 30, "end"),
        ("/api/all_logs/x/1", "start"),
        ("/api/all_logs/0/1?limit=0", "limit"),
        ("/api/all_logs/0/1?limit=10001", "limit"),
        ("/api/all_logs/0/1?offset=x", "offset"),
    ],
)
async def test_list_refused(client, path, field):
    reply = await client.get(path)
    assert reply.status_code == 400
    assert reply.json()["error"].startswith(f"{field} must be an integer between")


async def test_end_before_start(client):
    reply = await client.get("/api/calls/2/1")
    assert (reply.status_code, reply.json()) == (400, {"error": "end must be after start."})


@pytest.mark.parametrize("sent", ["300060;001;1529552581", "300060%3B001%3B1529552581"])
async def test_detailed_log(client, stranger, db, world, sent):
    now = time.time()
    entries = [
        Entry(now, START, Log('Executing application "email test" version "2"')),
        Entry(now + 1, MENU, Play((Prompt((Speech("Hello & <welcome>"),)),))),
        Entry(now + 2.7, MENU, Match(now + 2.7, "m", "six", "6")),
    ]
    await _call(db, world, "300060;001;1529552581", now, entries=entries)
    reply = await client.get(f"/api/call/{sent}")
    assert reply.json() == [
        {
            "event": {
                "line": 'Executing application "email test" version "2"',
                "data": {"module_type": "start", "result_variable": "start"},
            },
            "class": "info",
            "timestamp": int(now),
        },
        {
            "event": {
                "line": "Hello & <welcome>",
                "data": {
                    "type": "static",
                    "has_audio": False,
                    "language": "en-US",
                    "module_type": "menu",
                    "result_variable": "var_0",
                },
            },
            "class": "prompt",
            "timestamp": int(now + 1),
        },
        {
            "event": {"line": "User input: 6 (dtmf)", "data": {"module_type": "menu", "result_variable": "var_0"}},
            "class": "event",
            "timestamp": int(now + 2.7),
        },
    ]
    xml = (await client.get(f"/api/call/{sent}", headers={"Accept": "application/xml"})).text
    assert "<line>Hello &amp; &lt;welcome&gt;</line>" in xml
    assert (await stranger.get(f"/api/call/{sent}")).status_code == 404


async def test_list_with_details(client, stranger, db, world):
    now = time.time()
    entries = [Entry(now - 9, START, Log("Began")), Entry(now - 8, MENU, Match(now - 8, "m", "six", "6"))]
    await _call(db, world, "1;000;1", now - 5 * 86400 - 60, entries=entries)
    await _call(db, world, "1;001;1", now - 10, entries=entries)
    await _call(db, world, "1;002;1", now - 20, direction="outbound")
    await _call(db, world, "1;003;1", now - 30, entries=entries[:1])
    path = f"/api/all_logs/0/{int(now)}"
    reply = await client.get(path)
    told = reply.json()
    assert list(told) == ["calls", "total_calls"] and told["total_calls"] == 3
    assert [call["session_id"] for call in told["calls"]] == ["1;001;1", "1;002;1", "1;003;1"]
    first = told["calls"][0]
    assert first == {
        "dest": world.number,
        "src": "2125551234",
        "start": str(int(now - 10)),
        "end": str(int(now - 10 + 6.5)),
        "session_id": "1;001;1",
        "detail": (await client.get("/api/call/1;001;1")).json(),
        "type": "inbound",
    }
    assert list(first) == ["dest", "src", "start", "end", "session_id", "detail", "type"]
    assert [len(call["detail"]) for call in told["calls"]] == [2, 0, 1]
    xml = (await client.get(f"{path}?limit=1", headers={"Accept": "application/xml"})).text
    assert xml.startswith(f'<?xml version="1.0"?><result><calls><item><dest>{world.number}</dest><src>2125551234</src>')
    assert "<session_id>1;001;1</session_id><detail><item><event><line>Began</line><data>" in xml
    assert xml.endswith("</detail><type>inbound</type></item></calls><total_calls>3</total_calls></result>")
    assert (await client.get(f"{path}?limit=1&offset=2")).json()["calls"] == told["calls"][2:]
    assert (await client.get(f"{path}?number={world.number}")).json()["total_calls"] == 3
    assert (await client.get(f"{path}?number=8")).json() == {"calls": [], "total_calls": 0}
    assert (await stranger.get(path)).json() == {"calls": [], "total_calls": 0}


async def test_a_long_list_is_read_a_few_journals_at_a_time(client, db, world, monkeypatch):
    monkeypatch.setattr(calls, "JOURNALS_AT_ONCE", 3)
    monkeypatch.setattr(stored_calls, "EVENTS_MAX", 4)
    now = time.time()
    for n in range(8):
        entries = [Entry(now - 90 + k, START, Log(f"{n}.{k}")) for k in range(n)]
        await _call(db, world, f"1;00{n};1", now - 100 + n, entries=entries)
    told = (await client.get(f"/api/all_logs/0/{int(now)}")).json()["calls"]
    # The longest journals are cut where one call alone has more than are read at once.
    assert [[one["event"]["line"] for one in call["detail"]] for call in told] == [
        [f"{n}.{k}" for k in range(min(n, 4))] for n in reversed(range(8))
    ]


async def test_a_log_older_than_five_days(client, db, world):
    old = time.time() - 5 * 86400 - 60
    await _call(db, world, "1;001;1", old, entries=[Entry(old, START, Log("x"))])
    reply = await client.get("/api/call/1;001;1")
    assert (reply.status_code, reply.json()) == (404, {"error": "Call log not found."})
    (call,) = (await client.get(f"/api/calls/0/{int(time.time())}")).json()["calls"]
    assert call["log"] is False


@pytest.mark.parametrize("session_id", ["1;2;3", "'", "%00", "<script>", "{{7*7}}"])
async def test_no_such_log(client, session_id):
    reply = await client.get(f"/api/call/{session_id}")
    assert (reply.status_code, reply.json()) == (404, {"error": "Call log not found."})
