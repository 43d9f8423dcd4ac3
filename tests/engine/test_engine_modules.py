"""Modules that ask, on real calls: the test phone hears the prompts and presses the keys over RTP."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import get_args

import asyncpg
import pytest
from conftest import Running, started
from mail_server import Mailbox, delivering
from soap_service import told, wsdl

from callwright.flow.application import build
from callwright.flow.engine import program
from callwright.media import wav
from callwright.session.codec import decode_entry, encode_entry
from callwright.session.events import Event
from callwright.session.run import Entry, Run, SessionInfo
from callwright.testing.receiver import Answer, Received, Receiver

pytestmark = pytest.mark.wire

START = {"name": "start", "type": "start", "exits": {"next": "ask"}}
END = {"name": "end", "type": "exit"}
ONE, TWO_THEN_FIFTEEN = "12125550101", "12125550102"
HANGS_UP, SPEAKS, SPEAKS_AND_HANGS_UP, PRESSES_A_DATE = "12125550106", "12125550107", "12125550108", "12125550109"


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with delivering() as box:
        yield box


@pytest.fixture(scope="module")
def platform(mailbox: Mailbox) -> Iterator[Running]:
    with started(*mailbox.options) as running:
        yield running


@pytest.fixture
async def service() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


def _application(name: str, *modules: dict) -> dict:
    return {"name": name, "pages": [{"name": "Main", "modules": [START, *modules, END]}]}


async def _transcript(platform, application: dict, number: str, **fields) -> list[str]:
    deployment = await platform.deploy(application)
    over = await platform.over(await platform.queue(number, deployment=deployment, **fields))
    assert over["details"]["status"] == "completed", over
    (call,) = over["calls"]
    return (await platform.call(call["session_id"]))["transcript"].splitlines()


async def test_yes_no_and_number(platform):
    ask = {"name": "ask", "type": "yes_no", "prompt": "Is it one?", "exits": {"yes": "end", "no": "many"}}
    many = {"name": "many", "type": "number", "prompt": "How many?", "currency": True, "exits": {"next": "said"}}
    said = {"name": "said", "type": "prompt", "prompt": "{{ ask }}, {{ many }}.", "exits": {"next": "end"}}
    assert await _transcript(platform, _application("Count", ask, many, said), TWO_THEN_FIFTEEN) == [
        "hears   Is it one?",
        "presses 2",
        "hears   How many?",
        "presses 15",
        "hears   no, 15.00.",
        "call ends",
    ]


async def test_a_menu_variables_a_comparison_and_a_subdialog(platform):
    kept = {"variable": "order.drink", "value": "{{ ask }}"}
    modules = [
        {
            "name": "ask",
            "type": "menu",
            "prompt": "Tea 1, coffee 2.",
            "choices": [{"keys": "1", "value": "tea"}, {"keys": "2", "value": "coffee"}],
            "exits": {"tea": "set", "coffee": "end"},
        },
        {
            "name": "set",
            "type": "set_variable",
            "assignments": [kept, {"variable": "order.cups", "value": 9}],
            "exits": {"next": "which"},
        },
        {
            "name": "which",
            "type": "compare",
            "variable": "order.cups",
            "compare_as": "number",
            "rows": [{"operator": "<", "value": "10", "exit": "few"}],
            "exits": {"few": "voice", "otherwise": "end"},
        },
        {
            "name": "voice",
            "type": "subdialog",
            "url": "http://127.0.0.1:9/",
            "exits": {"next": "end", "error": "said"},
        },
        {"name": "about", "type": "label", "text": "No call comes by."},
        {
            "name": "said",
            "type": "prompt",
            "prompt": "{{ order.cups }} {{ order.drink }}.",
            "exits": {"next": "end"},
        },
    ]
    assert await _transcript(platform, _application("Order", *modules), ONE) == [
        "hears   Tea 1, coffee 2.",
        "presses 1",
        "hears   9 tea.",
        "call ends",
    ]


@pytest.mark.parametrize("then", ["page", "transfer", "hang_up", "exit"])
async def test_what_follows_the_last_attempt(platform, then):
    """12125550105 answers and says nothing."""
    failures = {"attempts": ["Once.", "Twice."], "then": "hang_up" if then == "exit" else then}
    failures |= {"page": {"page": "Other"}, "transfer": {"transfer_to": "12125550104"}}.get(then, {})
    ask = {
        "name": "ask",
        "type": "digits",
        "prompt": "Code?",
        "initial_timeout_s": 1,
        "no_input": failures,
        "exits": {"next": "end"} | ({"no_input": "lost"} if then == "exit" else {}),
    }
    lost = {"name": "lost", "type": "prompt", "prompt": "Lost.", "exits": {"next": "end"}}
    application = _application(f"Then {then}", ask, lost)
    other = [
        {"name": "begin", "type": "start", "exits": {"next": "elsewhere"}},
        {"name": "elsewhere", "type": "prompt", "prompt": "Elsewhere.", "exits": {"next": "stop"}},
        {"name": "stop", "type": "exit"},
    ]
    application["pages"].append({"name": "Other", "modules": other})
    asked = ["hears   Code?", "silence", "hears   Once.", "hears   Code?", "silence", "hears   Twice."]
    follows = {"page": ["hears   Elsewhere."], "transfer": ["far end busy"], "hang_up": [], "exit": ["hears   Lost."]}
    assert await _transcript(platform, application, "12125550105") == [*asked, *follows[then], "call ends"]


async def test_a_dynamic_menu_from_the_calls_metadata(platform):
    ask = {"name": "ask", "type": "dynamic_menu", "prompt": "Choose.", "options": "menu", "exits": {"next": "said"}}
    said = {"name": "said", "type": "prompt", "prompt": "You chose {{ ask }}.", "exits": {"next": "end"}}
    menu = [{"dtmf": 1, "value": "tea", "prompt": {"en-US": "For tea, press 1."}}, {"dtmf": 2, "value": "coffee"}]
    heard = await _transcript(platform, _application("Drinks", ask, said), ONE, metadata={"menu": menu})
    assert heard == ["hears   Choose.", "hears   For tea, press 1.", "presses 1", "hears   You chose tea.", "call ends"]


async def test_pages_and_a_counter(platform):
    start = {"name": "begin", "type": "start", "exits": {"next": "visits"}}
    visits = {
        "name": "visits",
        "type": "counter",
        "rows": [{"value": "2", "exit": "twice"}],
        "exits": {"twice": "leave", "otherwise": "back"},
    }
    leave = {"name": "leave", "type": "prompt", "prompt": "Goodbye.", "exits": {"next": "stop"}}
    other = [
        start,
        visits,
        {"name": "back", "type": "go_to_page", "page": "Main"},
        leave,
        {"name": "stop", "type": "exit"},
    ]
    ask = {"name": "ask", "type": "prompt", "prompt": "Hello.", "exits": {"next": "log"}}
    log = {"name": "log", "type": "call_log", "text": "Visit after {{ visits }}", "exits": {"next": "go"}}
    application = _application("Pages", ask, log, {"name": "go", "type": "go_to_page", "page": "Other"})
    application["pages"][0]["modules"].remove(END)
    application["pages"].append({"name": "Other", "modules": other})
    assert await _transcript(platform, application, ONE) == [
        "hears   Hello.",
        "hears   Hello.",
        "hears   Goodbye.",
        "call ends",
    ]


async def test_a_transfer_to_who_hangs_up_and_to_who_is_busy(platform):
    first = {
        "name": "ask",
        "type": "transfer",
        "prompt": "One moment.",
        "destination": "tel:+12125550108; postd=7",
        "exits": {"next": "told"},
    }
    told = {"name": "told", "type": "prompt", "prompt": "{{ ask }}.", "exits": {"next": "second"}}
    second = {
        "name": "second",
        "type": "transfer",
        "destination": "(212) 555-0104",
        "hold_music": True,
        "exits": {"next": "said"},
    }
    said = {"name": "said", "type": "prompt", "prompt": "{{ second }}.", "exits": {"next": "end"}}
    heard = await _transcript(platform, _application("Transfers", first, told, second, said), SPEAKS)
    far_end = heard.pop(1)
    assert heard == ["hears   One moment.", "hears   far_end_disconnect.", "far end busy", "hears   busy.", "call ends"]
    seconds = float(re.fullmatch(r"far end ([\d.]+) s", far_end)[1])  # type: ignore[index]
    assert 1.5 < seconds < 6
    calls = [event for event in platform.phone_events() if event["detail"].endswith(f"calls {SPEAKS_AND_HANGS_UP}")]
    assert len(calls) == 1, "the far end was called once"


async def test_a_transfer_with_errors_and_to_a_sip_address(platform):
    sip = platform.ready["phone"]
    first = {
        "name": "ask",
        "type": "transfer",
        "destination": f"sip:12125550199@{sip}",
        "headers": [{"name": "X-Order", "value": "7"}],
        "custom_errors": True,
        "exits": {"next": "end", "no_answer": "end", "error": "wrong"},
    }
    wrong = {"name": "wrong", "type": "prompt", "prompt": "Not there.", "exits": {"next": "second"}}
    second = {
        "name": "second",
        "type": "transfer",
        "destination": f"sip:12125550103@{sip}",
        "connect_timeout_s": 1,
        "custom_errors": True,
        "exits": {"next": "end", "no_answer": "nobody", "error": "end"},
    }
    nobody = {"name": "nobody", "type": "prompt", "prompt": "Nobody.", "exits": {"next": "end"}}
    assert await _transcript(platform, _application("Errors", first, wrong, second, nobody), ONE) == [
        "far end fails 404 Not Found",
        "hears   Not there.",
        "far end no answer",
        "hears   Nobody.",
        "call ends",
    ]


async def test_a_message_is_recorded_played_posted_and_mailed(platform, service, mailbox):
    ask = {"name": "ask", "type": "record", "prompt": "Speak.", "final_silence_s": 1, "exits": {"next": "said"}}
    said = {"name": "said", "type": "prompt", "prompt": "You said {{ ask }}", "exits": {"next": "post"}}
    post = {
        "name": "post",
        "type": "rest",
        "method": "POST",
        "url": f"http://127.0.0.1:{service.port}/message",
        "parameters": [{"name": "audio", "value": "{{ ask }}"}, {"name": "seconds", "value": "{{ ask$.duration }}"}],
        "hold_music": True,
        "exits": {"next": "mail", "error": "end"},
    }
    mail = {
        "name": "mail",
        "type": "email",
        "to": "desk@example.com",
        "subject": "A message",
        "attachments": [{"name": "message.wav", "recording": "{{ ask }}"}],
        "exits": {"next": "thanks", "error": "end"},
    }
    thanks = {"name": "thanks", "type": "prompt", "prompt": "Thank you.", "exits": {"next": "end"}}
    heard = await _transcript(platform, _application("Voicemail", ask, said, post, mail, thanks), SPEAKS)
    said_s = heard.pop(1)
    assert said_s.startswith("says    (") and 1.5 < float(said_s[9:-3]) < 3.5
    assert heard == [
        "hears   Speak.",
        "hears   You said (recording)",
        "service 200 {}",
        "service 250",
        "hears   Thank you.",
        "call ends",
    ]
    (posted,) = service.received
    assert posted.headers["content-type"].startswith("multipart/form-data")
    (taken,) = mailbox.mails
    (attached,) = [part for part in taken.walk() if part.get_filename() == "message.wav"]
    audio = attached.get_payload(decode=True)
    assert audio in posted.body, "what was posted is what was mailed"
    assert (taken["From"], taken["To"]) == ("calls@example.com", "desk@example.com")
    assert len(audio) > wav.HEADER_BYTES + 8000 and len(set(audio[wav.HEADER_BYTES :])) > 50
    left = Path(platform.ready["recordings_dir"]).parent / "messages"
    assert not list(left.glob("*")), "a message is gone when its call has ended"


async def test_a_message_of_who_hangs_up_is_posted(platform, service):
    """12125550106 hangs up after the first sentence, while a message is recorded."""
    ask = {"name": "ask", "type": "record", "prompt": "Speak.", "exits": {"next": "end"}}
    post_call = {
        "type": "rest",
        "method": "POST",
        "url": f"http://127.0.0.1:{service.port}/done",
        "parameters": [
            {"name": "who", "value": "{{ session.connection.dnis }}"},
            {"name": "audio", "value": "{{ ask }}"},
        ],
    }
    heard = await _transcript(platform, _application("After", ask) | {"post_call": post_call}, HANGS_UP)
    assert heard == ["hears   Speak.", "hangs up", "service 200 {}"]
    (posted,) = service.received
    assert posted.body == b"who=12125550106&audio="


async def test_call_recording(platform, service):
    begin = {"name": "ask", "type": "call_recording", "action": "start", "exits": {"next": "say"}}
    say = {"name": "say", "type": "yes_no", "prompt": "Press a key.", "exits": {"yes": "stop", "no": "stop"}}
    stop = {"name": "stop", "type": "call_recording", "action": "stop", "exits": {"next": "post"}}
    post = {
        "name": "post",
        "type": "rest",
        "method": "POST",
        "url": f"http://127.0.0.1:{service.port}/recording",
        "parameters": [{"name": "audio", "value": "{{ call_recording }}"}],
        "exits": {"next": "end", "error": "end"},
    }
    heard = await _transcript(platform, _application("Recorded", begin, say, stop, post), ONE)
    assert heard == ["hears   Press a key.", "presses 1", "service 200 {}", "call ends"]
    body = service.received[0].body
    at = body.index(b"RIFF")
    assert body[at + 22 : at + 24] == b"\x01\x00", "one channel"
    assert len(body) > 8000, "more than a second"


async def test_another_application(platform):
    inner = _application(
        "Inner", {"name": "ask", "type": "yes_no", "prompt": "{{ of }}?", "exits": {"yes": "end", "no": "end"}}
    )
    await platform.deploy(inner)
    ask = {
        "name": "ask",
        "type": "go_to_app",
        "application": "Inner",
        "variables": [{"name": "of", "value": "Tea"}],
        "exits": {"next": "said"},
    }
    said = {"name": "said", "type": "prompt", "prompt": "It was {{ ask.ask }}.", "exits": {"next": "end"}}
    heard = await _transcript(platform, _application("Outer", ask, said), ONE)
    assert heard == ["hears   Tea?", "presses 1", "hears   It was yes.", "call ends"]


async def test_javascript(platform):
    ask = {"name": "ask", "type": "evaluate_js", "script": "{{ sum }} = {{ a }} + 2; d", "exits": {"next": "more"}}
    more = {"name": "more", "type": "evaluate_js", "script": "{{ sum }} = {{ a }} + 2; 'ok'", "exits": {"next": "said"}}
    said = {"name": "said", "type": "prompt", "prompt": "{{ ask }} {{ more }} {{ sum }}", "exits": {"next": "end"}}
    deployment = await platform.deploy(_application("Script", ask, more, said))
    over = await platform.over(await platform.queue(ONE, deployment=deployment, metadata={"a": 40}))
    shown = await platform.call(over["calls"][0]["session_id"])
    assert shown["transcript"] == "hears   ok 42\ncall ends\n"
    assert "ReferenceError: d is not defined line 1" in json.dumps(shown)


async def test_a_date(platform):
    ask = {"name": "ask", "type": "date_time", "prompt": "Which day?", "exits": {"next": "said"}}
    said = {"name": "said", "type": "prompt", "prompt": "{{ ask | date }}", "exits": {"next": "end"}}
    heard = await _transcript(platform, _application("Date", ask, said), PRESSES_A_DATE)
    assert heard == ["hears   Which day?", "presses 11242026", "hears   Tuesday, November 24, 2026", "call ends"]


async def test_a_language(platform):
    offers = [{"keys": "1", "language": "de-DE", "prompt": "Für Deutsch die 1."}]
    ask = {"name": "ask", "type": "language", "choices": offers, "exits": {"next": "said"}}
    prompt = {"en-US": "Hello.", "de-DE": "Guten Tag."}
    said = {"name": "said", "type": "prompt", "prompt": prompt, "exits": {"next": "end"}}
    heard = await _transcript(platform, _application("Language", ask, said) | {"languages": ["de-DE"]}, ONE)
    assert heard == ["hears   Für Deutsch die 1.", "presses 1", "hears   Guten Tag.", "call ends"]


async def test_a_field_of_ones_own(platform):
    grammar = {"format": "abnf", "source": "#ABNF 1.0;\nmode dtmf;\nroot $r;\n$r = 1 {small} | 2 {large};"}
    ask = {"name": "ask", "type": "custom_field", "prompt": "Size?", "grammars": [grammar], "exits": {"next": "said"}}
    said = {"name": "said", "type": "prompt", "prompt": "So {{ ask }}.", "exits": {"next": "end"}}
    heard = await _transcript(platform, _application("Field", ask, said), ONE)
    assert heard == ["hears   Size?", "presses 1", "hears   So small.", "call ends"]


@pytest.mark.parametrize("kind", ["name", "address"])
async def test_a_recorded_name_and_address(platform, kind):
    ask = {"name": "ask", "type": kind, "prompt": "Who?", "exits": {"next": "said"}}
    said = {"name": "said", "type": "prompt", "prompt": "Thank you {{ ask }}", "exits": {"next": "end"}}
    heard = await _transcript(platform, _application(kind, ask, said), SPEAKS)
    assert heard.pop(1).startswith("says    (")
    assert heard == ["hears   Who?", "hears   Thank you (recording)", "call ends"]


async def test_a_call_becomes_a_transcript_that_the_application_passes(platform, tmp_path):
    ask = {
        "name": "ask",
        "type": "digits",
        "prompt": "{{ who }}, your code?",
        "digits_max": 1,
        "exits": {"next": "said"},
    }
    said = {"name": "said", "type": "prompt", "prompt": "Code {{ ask }}.", "exits": {"next": "end"}}
    document = _application("Recorded", ask, said)
    over = await platform.over(
        await platform.queue(ONE, deployment=await platform.deploy(document), metadata={"who": "Ann \u00fc"})
    )
    session_id = over["calls"][0]["session_id"]
    (tmp_path / "app.json").write_text(json.dumps(document))
    command = (sys.executable, "-m", "callwright")
    data = str(Path(platform.ready["recordings_dir"]).parent)
    recorded = ("record-test", session_id, "--url", platform.ready["base_url"], "--data", data)
    await _run(*command, *recorded, "-o", str(tmp_path / "app.call"))
    assert (tmp_path / "app.call").read_text().splitlines()[1] == 'variable who = "Ann \u00fc"'
    assert "failed: 0" in await _run(*command, "test", str(tmp_path / "app.json"))
    assert "no call 1;2;3" in await _run(*command, *recorded[:1], "1;2;3", *recorded[2:], fails=True)


async def test_a_past_call_replays_to_its_own_journal(platform, service):
    """What the database has of a call is enough to run it again, to the same journal to the last digit of its times."""
    ask = {"name": "ask", "type": "menu", "prompt": "Press 2.", "choices": [{"keys": "2", "value": "two"}]}
    many = {"name": "many", "type": "number", "prompt": "How many?", "exits": {"next": "look"}}
    look = {"name": "look", "type": "rest", "url": service.url("/{{ many }}"), "exits": {"next": "script"}}
    script = {
        "name": "script",
        "type": "evaluate_js",
        "script": "{{ drawn }} = Math.random(); [{{ many }} * 2, new Date().getTime()]",
        "exits": {"next": "said"},
    }
    said = {"name": "said", "type": "prompt", "prompt": "{{ who }} {{ drawn }} {{ script }}", "exits": {"next": "end"}}
    document = _application("Again", ask | {"exits": {"two": "many"}}, many, look, script, said)
    document |= {"recording": True, "post_call": {"type": "rest", "url": service.url("/done")}}
    over = await platform.over(
        await platform.queue(TWO_THEN_FIFTEEN, deployment=await platform.deploy(document), metadata={"who": "Ann"})
    )
    (call,) = over["calls"]
    data = Path(platform.ready["recordings_dir"]).parent
    connection = await asyncpg.connect(json.loads((data / "run" / "config.json").read_text())["database_url"])
    query = """SELECT e.at, e.body FROM call_events e JOIN calls c ON c.id = e.call_id
               WHERE c.session_id = $1 ORDER BY e.seq"""
    rows = await connection.fetch(query, call["session_id"])
    await connection.close()
    kept = [decode_entry(row["at"], json.loads(row["body"])) for row in rows]
    again: list[Entry] = []
    run = Run(
        program(build(document), "1"),
        session=SessionInfo(call["session_id"], "anonymous", TWO_THEN_FIFTEEN, "Again", "outbound"),
        variables={"who": "Ann"},
        journal=again.append,
    )
    started, *events = [entry.item for entry in kept if isinstance(entry.item, get_args(Event))]
    run.start(started)
    for event in events:
        run.send(event)
    assert [encode_entry(entry) for entry in again] == [encode_entry(entry) for entry in kept]
    assert [entry.at for entry in again] == [entry.at for entry in kept]
    assert len(kept) > 20 and run.outcome is not None and run.outcome.kind == call["outcome"]


async def _run(*command: str, fails: bool = False) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    assert bool(process.returncode) == fails, output
    return output.decode()


async def test_soap(platform, service):
    def answer(request: Received) -> Answer:
        described = wsdl(service.port, asks="item", tells="price:int,name:string")
        xml = described if request.method == "GET" else told(price=5, name="tea")
        return Answer(200, xml, (("Content-Type", "text/xml"),))

    service.answer = answer
    ask = {
        "name": "ask",
        "type": "soap",
        "wsdl": f"http://127.0.0.1:{service.port}/?wsdl",
        "method": "Ask",
        "parameters": [{"name": "item", "value": "tea & milk"}],
        "exits": {"next": "said", "error": "end"},
    }
    said = {"name": "said", "type": "prompt", "prompt": "{{ ask.name }} is {{ ask.price }}.", "exits": {"next": "end"}}
    heard = await _transcript(platform, _application("SOAP", ask, said), ONE)
    assert heard == ['service 200 {"price": 5, "name": "tea"}', "hears   tea is 5.", "call ends"]
    assert b"tea &amp; milk" in service.received[-1].body
