"""The transfer's result, row by row of what Plum's page says of it, and the forms of its destination."""

import json
from typing import Any

import pytest

from callwright.flow.application import Application, DocumentError, build
from callwright.flow.destinations import Destination, destination
from callwright.rehearsal.transcript import parse, play
from callwright.session.commands import Fetch, Transfer
from callwright.session.lines import lines

pytestmark = pytest.mark.pure

POST_CALL = {
    "type": "rest",
    "method": "POST RAW",
    "url": "https://service.example/",
    "body": {"result": "{{ desk }}", "duration": "{{ desk$.duration }}"},
}


def _application(**fields: Any) -> Application:
    desk = {
        "name": "desk",
        "type": "transfer",
        "prompt": "One moment.",
        "destination": "6175550100",
        "duration_max_s": 600,
    }
    modules: list[dict[str, Any]] = [
        {"name": "start", "type": "start", "exits": {"next": "desk"}},
        desk | {"exits": {"next": "said"}} | fields,
        {"name": "said", "type": "prompt", "prompt": "Back.", "exits": {"next": "end"}},
        {"name": "end", "type": "exit"},
    ]
    return build({"name": "A", "post_call": POST_CALL, "pages": [{"name": "Main", "modules": modules}]})


RESULTS = {
    "caller hung up before it began": ("hangs up", None, None),
    "caller hung up while ringing": ("hears One moment.\nfar end no answer\nhangs up", None, 0),
    "no answer before connect timeout": ("hears One moment.\nfar end no answer\ncall ends", "noanswer", 0),
    "busy": ("hears One moment.\nfar end busy\nhears Back.\ncall ends", "busy", 0),
    "caller hung up during transfer": ("hears One moment.\nfar end 35 s\nhangs up", None, 35),
    "far end hung up": ("hears One moment.\nfar end 35 s\nhears Back.\ncall ends", "far_end_disconnect", 35),
    "maximum time reached": ("hears One moment.\nfar end 700 s\nhears Back.\ncall ends", "maxtime_disconnect", 600),
    "cannot be called (ours)": ("hears One moment.\nfar end fails 404 Not Found\ncall ends", None, None),
}


@pytest.mark.parametrize("outcome", RESULTS)
def test_the_result_of_a_transfer(outcome: str) -> None:
    calls, result, duration = RESULTS[outcome]
    played = play(_application(), parse(f"{calls}\nservice 200 {{}}"))
    assert played.mismatch is None, str(played.mismatch)
    (told,) = [entry.item.body for entry in played.journal if isinstance(entry.item, Fetch)]
    assert json.loads(told) == {"result": result, "duration": duration}


@pytest.mark.parametrize("kind", ["blind", "consultation"])
@pytest.mark.parametrize(
    ("calls", "result", "duration"),
    [
        ("far end 35 s\ncall ends\nservice 200 {}", "transferred", 0),
        ("far end busy\nhears Back.\ncall ends\nservice 200 {}", "busy", 0),
        ("far end no answer\nhangs up\nservice 200 {}", None, 0),
    ],
)
def test_a_transfer_that_leaves_the_call(kind: str, calls: str, result: str | None, duration: int) -> None:
    played = play(_application(kind=kind), parse(f"hears One moment.\n{calls}"))
    assert played.mismatch is None, str(played.mismatch)
    (told,) = [entry.item.body for entry in played.journal if isinstance(entry.item, Fetch)]
    assert json.loads(told) == {"result": result, "duration": duration}


@pytest.mark.parametrize(
    ("custom_errors", "exits", "calls"),
    [
        (False, {}, "far end no answer\ncall ends"),
        (False, {}, "far end fails 503\ncall ends"),
        (True, {}, "far end no answer\ncall ends"),
        (True, {"no_answer": "said"}, "far end no answer\nhears Back.\ncall ends"),
        (True, {"error": "said"}, "far end fails 503\nhears Back.\ncall ends"),
        (True, {"error": "said", "no_answer": "end"}, "far end busy\nhears Back.\ncall ends"),
    ],
)
def test_exits_for_errors(custom_errors: bool, exits: dict[str, str], calls: str) -> None:
    application = _application(custom_errors=custom_errors, exits={"next": "said"} | exits)
    played = play(application, parse(f"hears One moment.\n{calls}\nservice 200 {{}}"))
    assert played.mismatch is None, str(played.mismatch)


def test_without_custom_errors_there_are_no_exits_for_them() -> None:
    with pytest.raises(DocumentError, match="'no_answer' is not an exit"):
        _application(exits={"next": "said", "no_answer": "said"})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("6175550100", Destination("16175550100")),
        ("(617) 555-0100", Destination("16175550100")),
        ("tel:+18887776666", Destination("18887776666")),
        ("tel:+18887776666; ani=7775551111", Destination("18887776666", "7775551111")),
        ("TEL:+1 888 777-6666 ;postd=2341", Destination("18887776666", "", "2341")),
        ("tel:+18887776666;ani=7775551111;postd=1,2", Destination("18887776666", "7775551111", "1,2")),
        ("sip:desk@pbx.example:5070;transport=udp", Destination("sip:desk@pbx.example:5070;transport=udp")),
        ("SIP:desk@pbx.example", Destination("SIP:desk@pbx.example")),
        ("", None),
        ("1", None),
        ("201", Destination("201")),
        ("tel:desk", None),
        ("tel:+18887776666;cpc=x", None),
        ("sip:a@b>;x=<y", None),
        ("6" * 301, None),
    ],
)
def test_destinations(text: str, found: Destination | None) -> None:
    assert destination(text) == found


HEADERS = [{"name": "User-to-User", "value": "00{{ session.id }}"}, {"name": "X-Order", "value": "7"}]


def _sent(application: Application, calls: str) -> tuple[Transfer | None, list[str]]:
    played = play(application, parse(f"hears x\n{calls}"), hang_up_at=99)
    told = [line.line for line in lines(played.journal) if line.level == "error"]
    return next((entry.item for entry in played.journal if isinstance(entry.item, Transfer)), None), told


def test_headers_go_to_sip_addresses_only() -> None:
    sip = "sip:{{ session.connection.dnis }}desk@pbx.example"
    sent, told = _sent(_application(destination=sip, headers=HEADERS, prompt=""), "far end busy")
    assert sent is not None and not told
    assert sent.headers == (("User-to-User", "00000000;000;0"), ("X-Order", "7"))
    number = "{{ number }}"
    sent, told = _sent(_application(destination=number, headers=HEADERS, prompt=""), "far end busy")
    assert sent is None
    with pytest.raises(DocumentError, match="SIP addresses only"):
        _application(headers=HEADERS)


@pytest.mark.parametrize("name", ["Via", "From", "x", "x_order", "Xorder", "x-a b", "x-ü", "x-" + "a" * 61])
def test_headers_have_names_of_their_own(name: str) -> None:
    with pytest.raises(DocumentError, match="User-to-User or begins with x-"):
        _application(destination="sip:a@b.example", headers=[{"name": name, "value": "1"}])
