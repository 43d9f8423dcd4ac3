"""A dynamic menu whose data are not what they should be ends the call with an error that says why; private data stay so."""

import json

import pytest

from callwright.flow.application import build
from callwright.rehearsal.transcript import Script, parse, play
from callwright.session.codec import encode

pytestmark = pytest.mark.pure

GOOD = [{"dtmf": 1, "value": "one"}]


def _application(**menu):
    ask = {"name": "ask", "type": "dynamic_menu", "options": "data.list", "exits": {"next": "end"}, **menu}
    start = {"name": "start", "type": "start", "exits": {"next": "ask"}}
    return build(
        {"name": "Menu", "pages": [{"name": "Main", "modules": [start, ask, {"name": "end", "type": "exit"}]}]}
    )


def _script(value: object) -> Script:
    apology = "hears   We are sorry. An error has occurred. Goodbye."
    return parse(f"variable data = {json.dumps({'list': value})}\n{apology}\ncall ends\n")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "is not a list"),
        ([], "is not a list"),
        ("one", "is not a list"),
        ({"dtmf": 1}, "is not a list"),
        ([{"dtmf": n, "value": n} for n in range(11)], "has 11 options"),
        ([*GOOD, "two"], "option 1 that is none, it is not an object"),
        ([{"value": "one"}], "option 0 that is none, dtmf"),
        ([{"dtmf": "x", "value": "one"}], "option 0 that is none, dtmf"),
        ([{"dtmf": 1}], "option 0 that is none, value"),
        ([{"dtmf": 1, "value": "one", "prompt": "One"}], "option 0 that is none, prompt"),
        ([*GOOD, {"dtmf": "1", "value": "again"}], "two options with the same dtmf"),
    ],
)
def test_data_that_are_no_menu(value: object, problem: str) -> None:
    played = play(_application(), _script(value))
    assert played.mismatch is not None and played.mismatch.expected == "call ends", "all before it went as written"
    assert played.outcome is not None and played.outcome.kind == "error"
    assert problem in played.outcome.message and "data.list" in played.outcome.message


def test_a_variable_that_is_not_there() -> None:
    played = play(_application(options="nothing"), _script(GOOD))
    assert played.outcome is not None and "nothing is not defined" in played.outcome.message


def test_what_can_be_chosen_is_private_where_the_data_are() -> None:
    """The options of a menu out of a private answer are in no line of the journal, though the menu is not marked."""
    ask = {"name": "ask", "type": "dynamic_menu", "options": "found.list", "exits": {"next": "say"}}
    application = build(
        {
            "name": "Menu",
            "pages": [
                {
                    "name": "Main",
                    "modules": [
                        {"name": "start", "type": "start", "exits": {"next": "found"}},
                        {
                            "name": "found",
                            "type": "rest",
                            "private": True,
                            "url": "https://a.example/",
                            "exits": {"next": "ask"},
                        },
                        ask,
                        {"name": "say", "type": "prompt", "prompt": "You chose {{ ask }}.", "exits": {"next": "end"}},
                        {"name": "end", "type": "exit"},
                    ],
                }
            ],
        }
    )
    options = [{"dtmf": 1, "value": "58203417", "prompt": {"en-US": "For 58203417, press 1."}}]
    script = parse(
        f"service 200 {json.dumps({'list': options})}\nhears   For 58203417, press 1.\npresses 1\n"
        "hears   You chose 58203417.\ncall ends\n"
    )
    played = play(application, script)
    assert played.mismatch is None, played.mismatch
    assert "58203417" not in "\n".join(json.dumps(encode(entry.item)) for entry in played.journal)
