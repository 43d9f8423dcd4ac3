"""What web services are asked, to the letter, and what of an answer stays."""

import json
from typing import Any

import pytest

from callwright.flow.application import build
from callwright.flow.engine import program
from callwright.flow.post_call import DELAYS_S
from callwright.rehearsal.transcript import Played, parse, play
from callwright.session.commands import Fetch, Invoke, Log
from callwright.session.events import Done, FetchFailed, HungUp, Started
from callwright.session.run import EPILOGUE_S, Run, SessionInfo

pytestmark = pytest.mark.pure

GREETING = {"name": "last", "type": "prompt", "prompt": "Status {{ ask$.status }}.", "exits": {"next": "end"}}


def _application(*modules: dict[str, Any], **document: Any) -> dict[str, Any]:
    start = {"name": "start", "type": "start", "exits": {"next": modules[0]["name"]}}
    end = {"name": "end", "type": "exit"}
    return {"name": "A", "pages": [{"name": "Main", "modules": [start, *modules, end]}], **document}


def _plays(document: dict[str, Any], calls: str) -> Played:
    played = play(build(document), parse(calls))
    assert played.mismatch is None, str(played.mismatch)
    return played


def _asked(**fields: Any) -> Fetch:
    ask = {"name": "ask", "type": "rest", "url": "https://x.example/", "exits": {"next": "end"}} | fields
    values = {"who": "José & Ann", "base": "https://x.example:8443/a", "line": "a\r\nX-Evil: 1"}
    (sent,) = [
        entry.item
        for entry in _plays(_application(ask, variables=values), "service 200 {}\ncall ends").journal
        if isinstance(entry.item, Fetch)
    ]
    return sent


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://x.example/{{ who }}?a=%20b", "https://x.example/Jos%C3%A9%20&%20Ann?a=%20b"),
        ("{{ base }}/b?c=d&e=f#g", "https://x.example:8443/a/b?c=d&e=f#g"),
        ("https://[::1]:80/{{ line }}", "https://[::1]:80/a%0D%0AX-Evil:%201"),
    ],
)
def test_what_a_url_cannot_hold_is_escaped(url: str, sent: str) -> None:
    assert _asked(url=url).url == sent


def test_where_parameters_go() -> None:
    parameters = [{"name": "who", "value": "{{ who }}"}, {"name": "n", "value": "1"}]
    assert _asked(parameters=parameters).url == "https://x.example/?who=Jos%C3%A9+%26+Ann&n=1"
    assert _asked(method="DELETE", url="https://x.example/?a=b", parameters=parameters).url.endswith(
        "?a=b&who=Jos%C3%A9+%26+Ann&n=1"
    )
    form = _asked(method="POST", parameters=parameters)
    assert (form.url, form.body) == ("https://x.example/", "who=Jos%C3%A9+%26+Ann&n=1")
    assert form.headers == (("Content-Type", "application/x-www-form-urlencoded"),)
    raw = _asked(method="POST RAW", body="<x>{{ who }}</x>", headers=[{"name": "content-type", "value": "text/xml"}])
    assert (raw.method, raw.body, raw.headers) == ("POST", "<x>José & Ann</x>", (("content-type", "text/xml"),))
    put = _asked(method="PUT", body={"who": "{{ who }}", "deep": [{"n": 1}]})
    assert (put.method, put.body) == ("PUT", '{"who": "José & Ann", "deep": [{"n": 1}]}')


@pytest.mark.parametrize(
    ("kind", "text"), [("JSON", '{"a": 1}'), ("CSV", "a\n1"), ("XML", "<r><a>1</a></r>"), ("TEXT", "1")]
)
def test_a_byte_order_mark_is_no_part_of_an_answer(kind: str, text: str) -> None:
    ask = {"name": "ask", "type": "rest", "url": "https://x.example/", "return_type": kind, "exits": {"next": "say"}}
    said = {"CSV": "{{ ask[0].a }}", "TEXT": "{{ ask }}"}.get(kind, "{{ ask.a }}")
    say = {"name": "say", "type": "prompt", "prompt": said, "exits": {"next": "end"}}
    _plays(_application(ask, say), f"service 200 {json.dumps(chr(0xFEFF) + text)}\nhears 1\ncall ends")


def test_a_header_is_one_line() -> None:
    assert _asked(headers=[{"name": "X-Line", "value": "{{ line }}"}]).headers == (("X-Line", "a X-Evil: 1"),)


def test_a_service_that_does_not_answer_leaves_nothing_of_an_earlier_visit() -> None:
    ask = {"name": "ask", "type": "rest", "url": "https://x.example/", "exits": {"next": "again", "error": "last"}}
    again = {"name": "again", "type": "go_to_page", "page": "Main"}
    played = _plays(_application(ask, again, GREETING), "service 200 {}\nservice fails\nhears Status .\ncall ends")
    assert played.exits[-3][0] == "ask"


def test_parameters_of_soap_may_have_any_name() -> None:
    parameters = [{"name": name, "value": name[-1]} for name in ("version", "wsdl", "parameters", "deep.er")]
    ask = {
        "name": "ask",
        "type": "soap",
        "wsdl": "https://x.example/?wsdl",
        "method": "Ask",
        "version": "1.2",
        "parameters": parameters,
        "exits": {"next": "end"},
    }
    (asked,) = [
        entry.item
        for entry in _plays(_application(ask), "service 200 {}\ncall ends").journal
        if isinstance(entry.item, Invoke)
    ]
    assert dict(asked.arguments) == {
        "wsdl": "https://x.example/?wsdl",
        "version": "1.2",
        "parameters": {"version": "n", "wsdl": "l", "parameters": "s", "deep": {"er": "r"}},
    }


RECORDING = {"name": "tape", "type": "call_recording", "action": "start", "exits": {"next": "last"}}
SENDS = {
    "type": "rest",
    "method": "POST",
    "url": "https://x.example/",
    "parameters": [
        {"name": "audio", "value": "{{ call_recording }}"},
        {"name": "s", "value": "{{ call_recording$.duration }}"},
    ],
}


@pytest.mark.parametrize("ending", ["hears Status .\ncall ends", "hangs up"])
def test_a_recording_that_goes_on_is_ended_by_the_call_and_sent(ending: str) -> None:
    played = _plays(_application(RECORDING, GREETING, post_call=SENDS), f"{ending}\nservice 200 {{}}")
    (sent,) = [dict(entry.item.fields) for entry in played.journal if isinstance(entry.item, Fetch)]
    assert sent["audio"].startswith("recorded:") and sent["s"] == "2"


def test_a_recording_that_was_stopped_is_sent_as_it_was() -> None:
    stop = RECORDING | {"name": "stop", "action": "stop", "exits": {"next": "again"}}
    again = stop | {"name": "again", "exits": {"next": "last"}}
    tape = RECORDING | {"exits": {"next": "stop"}}
    played = _plays(
        _application(tape, stop, again, GREETING, post_call=SENDS), "hears Status .\ncall ends\nservice 200"
    )
    (sent,) = [dict(entry.item.fields) for entry in played.journal if isinstance(entry.item, Fetch)]
    assert sent["audio"] == f"recorded:{1:032x}", "there is one recording"


def test_three_tries_of_a_minute_each_fit_into_the_time_after_a_call() -> None:
    """A service that lets each of them run into its time-out is still tried a third time."""
    document = _application(GREETING, post_call=SENDS | {"timeout_s": 60})
    run = Run(program(build(document), "1"), session=SessionInfo(), variables={})
    now, tries = 0.0, 0
    command = run.start(Started(now))
    while command is not None:
        if isinstance(command, Fetch):
            tries += 1
            now += command.delay_s + command.timeout_s
            command = run.send(FetchFailed(now, "no answer", caller_gone=True))
        else:
            command = run.send(Done(now) if isinstance(command, Log) else HungUp(now))
    assert tries == len(DELAYS_S) and now < EPILOGUE_S
    assert run.outcome is not None and run.outcome.kind == "hung_up"
