"""The post-call web service fires on any ending, has what the call left behind, and is tried again."""

from typing import Any

import pytest

from callwright.flow.application import DocumentError, build
from callwright.rehearsal.transcript import parse, play
from callwright.session.commands import Fetch, Invoke
from callwright.session.lines import lines

pytestmark = pytest.mark.pure

REST = {
    "type": "rest",
    "method": "POST",
    "url": "https://service.example/done",
    "parameters": [
        {"name": "audio", "value": "{{ message }}"},
        {"name": "who", "value": "{{ session.connection.ani }}"},
        {"name": "seconds", "value": "{{ message$.duration }}"},
    ],
}
ASKED = "hears Speak.\nsays (4 s)\n"


def _application(post_call: dict[str, Any], **message: Any) -> dict[str, Any]:
    modules = [
        {"name": "start", "type": "start", "exits": {"next": "message"}},
        {"name": "message", "type": "record", "prompt": "Speak.", "exits": {"next": "say"}} | message,
        {"name": "say", "type": "prompt", "prompt": "Bye.", "exits": {"next": "end"}},
        {"name": "end", "type": "exit"},
    ]
    return {"name": "A", "post_call": post_call, "pages": [{"name": "M", "modules": modules}]}


def _plays(document: dict[str, Any], calls: str) -> Any:
    played = play(build(document), parse(calls))
    assert played.mismatch is None, str(played.mismatch)
    return played


@pytest.mark.parametrize("ending", ["hears Bye.\ncall ends\n", "hears Bye.\nhangs up\n", "hangs up\n"])
def test_it_fires_on_any_ending_with_the_recording(ending: str) -> None:
    played = _plays(_application(REST), f"{ASKED}{ending}service 200\n")
    (sent,) = [entry.item for entry in played.journal if isinstance(entry.item, Fetch)]
    fields = dict(sent.fields)
    assert fields["audio"].startswith("recorded:") and fields["seconds"] == "4"
    assert "Post-call web service: done" in [line.line for line in lines(played.journal)]


def test_a_call_that_is_hung_up_at_every_point_fires_it() -> None:
    application = build(_application(REST))
    script = parse(f"{ASKED}hears Bye.\ncall ends\nservice 200\n")
    for at in range(play(application, script).commands - 2):
        played = play(application, script, hang_up_at=at)
        assert played.mismatch is None
        assert any(isinstance(entry.item, Fetch) for entry in played.journal), at


def test_it_is_tried_three_times() -> None:
    played = _plays(_application(REST), f"{ASKED}hangs up\nservice 503\nservice fails no answer\nservice 200\n")
    delays = [entry.item.delay_s for entry in played.journal if isinstance(entry.item, Fetch)]
    assert delays == [0, 2, 10]
    told = [line.line for line in lines(played.journal) if line.level == "error"]
    assert told == [
        "Post-call web service: try 1 of 3 failed",
        "Request failed: no answer",
        "Post-call web service: try 2 of 3 failed",
    ]
    _plays(_application(REST), f"{ASKED}hangs up\nservice 500\nservice 500\nservice 500\n")


def test_soap() -> None:
    soap = {
        "type": "soap",
        "wsdl": "https://service.example/?wsdl",
        "method": "Done",
        "parameters": [{"name": "x", "value": "{{ message$.size }}"}],
    }
    played = _plays(_application(soap), f"{ASKED}hangs up\nservice fails down\nservice 200 1\n")
    asked = [dict(entry.item.arguments)["parameters"] for entry in played.journal if isinstance(entry.item, Invoke)]
    assert asked == [{"x": 32058}, {"x": 32058}]


def test_what_is_private_is_sent_and_not_told() -> None:
    document = _application(REST, private=True)
    document["post_call"]["parameters"] = [{"name": "seconds", "value": "{{ message$.duration }}"}]
    document["post_call"]["url"] = "https://service.example/{{ message$.size }}"
    played = _plays(document, f"{ASKED}hangs up\nservice 200 32058\n")
    (sent,) = [entry.item for entry in played.journal if isinstance(entry.item, Fetch)]
    assert (sent.url, sent.body) == ("https://service.example/[private]", "[private]")


def test_an_error_ends_the_call_and_it_fires() -> None:
    document = _application(REST)
    document["pages"][0]["modules"][1] = {"name": "message", "type": "subdialog", "url": "x", "exits": {"next": "say"}}
    played = play(build(document), parse("hears ?\ncall ends\nservice 200\n"), hang_up_at=1)
    assert played.outcome is not None and played.outcome.kind == "error"
    assert sum(isinstance(entry.item, Fetch) for entry in played.journal) > 0


def test_its_fields_are_checked() -> None:
    with pytest.raises(DocumentError, match="POST RAW and PUT"):
        build(_application(REST | {"body": "x"}))
