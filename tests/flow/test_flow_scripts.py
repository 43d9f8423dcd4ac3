"""Scripts within a call: what libraries keep from module to module, whose they are, and that a private value never shows."""

import json
from itertools import pairwise

import pytest

from callwright.flow.application import Application, DocumentError, build
from callwright.rehearsal.transcript import Played, parse, play
from callwright.session.codec import encode_entry

pytestmark = pytest.mark.pure

LIBRARY = "var kept = []; function keep(value) { kept.push(value); return kept.length; } function fail(value) { throw value; }"
CANARY = "58203417"


def _application(name: str, *modules: dict[str, object], **more: object) -> Application:
    chain: list[dict[str, object]] = [{"name": "start", "type": "start"}, *modules, {"name": "end", "type": "exit"}]
    for module, following in pairwise(chain):
        module["exits"] = {"next": following["name"]}
    return build(
        {"name": name, "libraries": {"kept.js": LIBRARY}, "pages": [{"name": "Main", "modules": chain}], **more}
    )


def _js(name: str, script: str, **more: object) -> dict[str, object]:
    return {"name": name, "type": "evaluate_js", "script": script, **more}


def _say(name: str, text: str) -> dict[str, object]:
    return {"name": name, "type": "prompt", "prompt": text}


def _play(application: Application, transcript: str, *others: Application) -> Played:
    played = play(application, parse(transcript), others=others)
    assert played.mismatch is None, played.mismatch
    return played


def test_libraries_keep_what_scripts_gave_them() -> None:
    application = _application(
        "Kept",
        _js("one", "keep('a')"),
        _js("two", "var local = keep('b'); {{ all }} = kept; local"),
        _js("wrong", "keep('c'); {{ all }} = []; d"),
        _js("three", "keep('d'); kept.join() + typeof local"),
        _say("say", "{{ two }} {{ all[0] }} {{ three }}"),
    )
    _play(application, "hears 2 a a,b,dundefined\ncall ends")


def test_the_flow_may_change_what_a_script_has_left() -> None:
    application = _application(
        "Shared",
        _js("one", "{{ order }} = {n: 1, f: x => x}; keep({{ order }})"),
        {"name": "set", "type": "set_variable", "assignments": [{"variable": "order.n", "value": "2"}]},
        _js("two", "{{ order.n }} + kept[0].n + typeof {{ order.f }}"),
        _say("say", "{{ two }}"),
    )
    _play(application, "hears 21undefined\ncall ends")


def test_an_application_inside_another_keeps_its_own() -> None:
    inner = _application("Inner", _js("one", "keep('inner'); kept.join()"))
    go = {"type": "go_to_app", "application": "Inner"}
    application = _application(
        "Outer", _js("one", "keep('outer')"), {"name": "a", **go}, {"name": "b", **go}, _js("two", "kept.join()"),
        _say("say", "{{ a.one }} {{ b.one }} {{ two }}"),
    )  # fmt: skip
    _play(application, "hears inner inner outer\ncall ends", inner)


PIN = {"name": "pin", "type": "digits", "private": True, "digits_min": 8, "prompt": "PIN?"}


@pytest.mark.parametrize(
    "scripts",
    [
        ["{{ pin }}", "1"],
        ["{{ copy }} = {{ pin }}; 1", "{{ copy }}"],
        ["keep({{ pin }}); 1", "kept[0]"],
        ["Array.prototype.stash = {{ pin }}; 1", "[].stash"],
        ["{{ f }} = function (pin) { return function () { return pin; }; }({{ pin }}); 1", "{{ f }}()"],
        ["keep({{ pin }}); 1", "fail(kept[0])"],
        ["throw new Error({{ pin }})", "1"],
        ["keep({{ pin }}); d", "1"],
        ["var x = 1;\nnull[{{ pin }}]", "eval({{ pin }} + '+')"],
    ],
)
def test_what_a_script_was_given_in_private_never_shows(scripts: list[str]) -> None:
    application = _application(
        "Private", PIN, *(_js(f"script{number}", script) for number, script in enumerate(scripts)),
        {"name": "told", "type": "call_log", "text": "{{ script1 }} {{ copy }}"},
    )  # fmt: skip
    played = _play(application, f"hears PIN?\npresses {CANARY}\ncall ends")
    for entry in played.journal:
        assert CANARY not in encode_entry(entry).decode() + str(entry), entry


def test_scripts_before_the_private_one_are_shown() -> None:
    application = _application(
        "Private", _js("before", "'open'"), PIN, _js("script", "{{ pin }}.length"), _js("after", "'shut'")
    )
    played = _play(application, f"hears PIN?\npresses {CANARY}\ncall ends")
    values = [json.loads(encode_entry(entry))["item"].get("value") for entry in played.journal]
    assert "open" in values and "shut" not in values


def test_dates_are_in_the_applications_time_zone() -> None:
    script = "new Date().toLocaleString('de-DE')"
    for time_zone, said in (("UTC", "22:13"), ("Asia/Kolkata", "03:43")):
        application = _application("Zones", _js("at", script), _say("say", "{{ at }}"), time_zone=time_zone)
        heard = "15.11.2023" if said == "03:43" else "14.11.2023"
        _play(application, f"hears {heard}, {said}:20\ncall ends")
    with pytest.raises(DocumentError, match="'Moon/Base' is no time zone"):
        _application("Zones", time_zone="Moon/Base")
