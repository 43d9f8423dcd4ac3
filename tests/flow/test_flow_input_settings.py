"""No match and no input: a prompt for each attempt, what follows the last, the application's settings and a module's own."""

from typing import Any

import pytest

from callwright.flow.application import build
from callwright.rehearsal.transcript import parse, play
from callwright.session.commands import Transfer

pytestmark = pytest.mark.pure

START = {"name": "start", "type": "start", "exits": {"next": "ask"}}
OTHER_PAGE = {
    "name": "Help",
    "modules": [
        {"name": "begin", "type": "start", "exits": {"next": "help"}},
        {"name": "help", "type": "prompt", "prompt": "Help.", "exits": {"next": "stop"}},
        {"name": "stop", "type": "exit"},
    ],
}


def _application(settings: dict[str, Any], **ask: Any) -> dict[str, Any]:
    asking = {"name": "ask", "type": "yes_no", "prompt": "Yes?", "exits": {"yes": "end", "no": "end"}} | ask
    main = {"name": "Main", "modules": [START, asking, {"name": "end", "type": "exit"}]}
    return {"name": "A", "input": settings, "pages": [main, OTHER_PAGE]}


def _plays(document: dict[str, Any], calls: str) -> Any:
    played = play(build(document), parse(calls))
    assert played.mismatch is None, str(played.mismatch)
    return played


def _after(then: str, **more: Any) -> dict[str, Any]:
    return {"attempts": ["First.", "Last."], "then": then, **more}


def test_each_attempt_has_its_prompt_and_the_last_one_hangs_up() -> None:
    _plays(
        _application({"no_match": _after("hang_up")}),
        "hears Yes?\npresses 5\nhears First.\nhears Yes?\npresses 5\nhears Last.\ncall ends\n",
    )


def test_both_kinds_count_for_themselves() -> None:
    settings = {"no_match": _after("hang_up"), "no_input": {"attempts": ["Silence.", ""]}}
    _plays(
        _application(settings),
        "hears Yes?\nsilence\nhears Silence.\nhears Yes?\npresses 5\nhears First.\nhears Yes?\nsilence\ncall ends\n",
    )


def test_going_on_asking() -> None:
    more = "silence\nhears Last.\nhears Yes?\n" * 4
    _plays(
        _application({"no_input": _after("reprompt")}),
        f"hears Yes?\nsilence\nhears First.\nhears Yes?\n{more}presses 1\ncall ends\n",
    )


def test_going_on_at_a_page() -> None:
    heard = "hears Yes?\nsilence\nhears First.\nhears Yes?\nsilence\nhears Last.\nhears Help.\ncall ends\n"
    _plays(_application({"no_input": _after("page", page="Help")}), heard)


def test_a_module_has_settings_of_its_own_and_an_exit_before_all() -> None:
    own = {"no_input": {"attempts": ["Mine."], "then": "page", "page": "Help"}}
    _plays(_application({}, **own), "hears Yes?\nsilence\nhears Mine.\nhears Help.\ncall ends\n")
    exits = {"yes": "end", "no": "end", "no_input": "end"}
    _plays(_application({}, **own, exits=exits), "hears Yes?\nsilence\nhears Mine.\ncall ends\n")


def test_a_transfer_and_then_the_end() -> None:
    settings = {"no_match": _after("transfer", transfer_to="{{ desk }}")}
    failed = "hears Yes?\npresses 5\nhears First.\nhears Yes?\npresses 5\nhears Last.\n"
    played = _plays(
        _application(settings), f'variable desk = "6175551234;ani=8005550100"\n{failed}far end 30 s\ncall ends\n'
    )
    (asked,) = [entry.item for entry in played.journal if isinstance(entry.item, Transfer)]
    assert (asked.destination, asked.caller_id) == ("16175551234", "8005550100")
    _plays(_application(settings), f'variable desk = "nobody"\n{failed}call ends\n')


def test_the_first_form_of_documents_is_read() -> None:
    old = _application({"attempts": 2, "no_match": "Wrong."}) | {"callwright": 1}
    _plays(old, "hears Yes?\npresses 5\nhears Wrong.\nhears Yes?\npresses 5\ncall ends\n")
    new = build(old).model_dump(mode="json")
    assert new["callwright"] == 2 and build(new).model_dump(mode="json") == new
    untouched = build(_application({}) | {"callwright": 1}).model_dump(mode="json")
    assert untouched == build(_application({})).model_dump(mode="json")
