"""Nothing private is anywhere in what is kept of a call: a canary goes through every module, and every way round that was tried."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from sessions import SEEDED, SEEDS, a_session

from callwright.flow.application import Application, build
from callwright.flow.input_module import InputModule
from callwright.flow.module import REGISTRY
from callwright.rehearsal.transcript import Played, play
from callwright.rehearsal.transcript import parse as parse_transcript
from callwright.session.codec import encode
from callwright.session.events import Started
from callwright.session.lines import lines
from callwright.session.run import Call, Entry, Run, SessionInfo
from callwright.session.transcript import transcript

pytestmark = pytest.mark.pure

CANARY = "58203417"
PRIVATE_APPLICATION = Path(__file__).parent / "private.yaml"
OTHER = {
    "name": "Other",
    "pages": [
        {
            "name": "Main",
            "modules": [
                {"name": "start", "type": "start", "exits": {"next": "asked"}},
                {
                    "name": "asked",
                    "type": "digits",
                    "private": True,
                    "prompt": "You gave {{ given }}. Yours?",
                    "exits": {"next": "end"},
                },
                {"name": "end", "type": "exit"},
            ],
        }
    ],
}
"What the private application goes to."


class TestPrivate:
    """A canary goes in by a private module and through every other; it is nowhere in what is kept of the call."""

    @pytest.fixture
    def document(self) -> dict:
        return yaml.safe_load(PRIVATE_APPLICATION.read_text())

    def test_the_application_has_every_kind_of_module(self, document: dict) -> None:
        used = {module["type"] for page in document["pages"] for module in page["modules"]}
        assert used == set(REGISTRY)

    def test_the_canary_is_nowhere(self, document: dict) -> None:
        kept = self._kept(build(document))
        assert CANARY not in kept
        assert "[private]" in kept

    def test_without_the_mark_it_would_be_seen(self, document: dict) -> None:
        for page in document["pages"]:
            for module in page["modules"]:
                module.pop("private", None)
        assert CANARY in self._kept(build(document))

    def test_every_input_module_can_be_private(self, document: dict) -> None:
        asking = {
            m["name"]: m
            for p in document["pages"]
            for m in p["modules"]
            if issubclass(REGISTRY[m["type"]], InputModule)
        }
        assert {m["type"] for m in asking.values()} == {k for k, c in REGISTRY.items() if issubclass(c, InputModule)}
        assert all(module.get("private") for module in asking.values())

    def _kept(self, application: Application) -> str:
        script = parse_transcript((PRIVATE_APPLICATION.with_suffix(".call")).read_text())
        played = play(application, script, others=[build(OTHER)])
        assert played.mismatch is None, str(played.mismatch)
        return _kept(played)


def _kept(played: Played) -> str:
    """All that is kept of a call: the journal, the log, the transcript, and how it ended."""
    journal = "\n".join(json.dumps(encode(entry.item)) for entry in played.journal)
    told = "\n".join(json.dumps(line.as_plum()) for line in lines(played.journal))
    ended = played.outcome.message if played.outcome else ""
    return "\n".join((journal, told, transcript(played.journal), ended))


PIN = {"name": "pin", "type": "digits", "private": True, "prompt": "Pin?", "exits": {"next": "first"}}
GIVEN = f"hears Pin?\npresses {CANARY}#\n"


def _after_a_pin(*modules: dict[str, Any], **document: Any) -> Application:
    """The canary is entered as `pin`; these modules follow one another."""
    names = [module.get("name", f"m{index}") if index else "first" for index, module in enumerate(modules)]
    joined = [
        {"exits": {"next": following}} | module | {"name": name}
        for module, name, following in zip(modules, names, [*names[1:], "end"], strict=True)
    ]
    start = {"name": "start", "type": "start", "exits": {"next": "pin"}}
    everything = [start, PIN, *joined, {"name": "end", "type": "exit"}]
    return build({"name": "A", "pages": [{"name": "Main", "modules": everything}], **document})


def _say(text: str) -> dict[str, Any]:
    return {"type": "prompt", "prompt": text}


def _set(variable: str, value: Any) -> dict[str, Any]:
    return {"type": "set_variable", "assignments": [{"variable": variable, "value": value}]}


def _rest(**fields: Any) -> dict[str, Any]:
    return {"type": "rest", "url": "https://service.example/", **fields}


def _sms(**fields: Any) -> dict[str, Any]:
    exits = {"sent": "end", "not_sent": "end"}
    return {"type": "sms", "sender": "8005550101", "to": "12125550101", "body": "Hi", "exits": exits, **fields}


HOLDS = {"hold": "Wait, {{ pin }}."}
ENDS = "\ncall ends"
APOLOGY = "hears We are sorry. An error has occurred. Goodbye."
WRONG_MENU = [{"dtmf": 1, "value": "x", "prompt": {f"en-{CANARY}": 5}}]
INNER = {
    "name": "Inner",
    "pages": [
        {
            "name": "Main",
            "modules": [
                {"name": "start", "type": "start", "exits": {"next": "inmost"}},
                {
                    "name": "inmost",
                    "type": "go_to_app",
                    "application": "Inmost",
                    "variables": [{"name": "got.deep", "value": "{{ given }}"}],
                    "exits": {"next": "end"},
                },
                {"name": "end", "type": "exit"},
            ],
        }
    ],
}
INMOST = {
    "name": "Inmost",
    "pages": [
        {
            "name": "Main",
            "modules": [
                {"name": "start", "type": "start", "exits": {"next": "keep"}},
                {"name": "keep", **_set("kept", "{{ got.deep }}"), "exits": {"next": "end"}},
                {"name": "end", "type": "exit"},
            ],
        }
    ],
}

ATTACKS: dict[str, tuple[Application, str]] = {
    "into an object that two variables share": (
        _after_a_pin(_set("a.b", 1), _set("shared", "{{ a }}"), _set("a.b", "{{ pin }}"), _say("{{ shared }}")),
        f'hears {{"b": 1}}{ENDS}',
    ),
    "the same by a script": (
        _after_a_pin(
            _set("a.b", 1), _set("shared", "{{ a }}"),
            {"type": "evaluate_js", "script": "{{ a }}.b = {{ pin }}; 1"}, _say("{{ shared }}"),
        ),
        f'hears {{"b": 1}}{ENDS}',
    ),
    "moved with all that is around it": (
        _after_a_pin(_set("a.b", "{{ pin }}"), _set("c", "{{ a }}"), _set("c.d", 1), _say("{{ c.b }} {{ c }}")),
        f'hears {CANARY} {{"b": "{CANARY}", "d": 1}}{ENDS}',
    ),
    "what is left of it when it is overwritten": (
        _after_a_pin(_set("pin", 1), _say("{{ pin }} {{ pin$.utterance }} {{ lastresult$.utterance }} {{ lastresult$ }}")),
        f'hears 1 {CANARY} {CANARY} {{"confidence": 1.0, "utterance": "{CANARY}", "inputmode": "dtmf", "interpretation": '
        f'"{CANARY}", "length": 1, "0": {{"confidence": 1.0, "utterance": "{CANARY}", "inputmode": "dtmf", '
        f'"interpretation": "{CANARY}"}}}}{ENDS}',
    ),
    "counted on from": (
        _after_a_pin(
            _set("first", "{{ pin }}"),
            {"name": "count", "type": "counter", "rows": [{"value": "0", "exit": "x"}], "exits": {"x": "end", "otherwise": "m2"}},
            _say("{{ count }}"),
            _set("count", "{{ pin }}"),
            {"name": "again", "type": "go_to_page", "page": "Main", "exits": {}},
        ),
        f"hears 1\n{GIVEN}hears {int(CANARY) + 1}\nhears Pin?\nhangs up",
    ),
    "the name of an application": (
        _after_a_pin({"type": "go_to_app", "application": "app {{ pin }}"}), f"{APOLOGY}{ENDS}",
    ),
    "through two applications and back": (
        _after_a_pin(
            {"type": "go_to_app", "application": "Inner", "variables": [{"name": "given", "value": "{{ pin }}"}]},
            _say("{{ first.inmost.kept }}"),
        ),
        f"hears {CANARY}{ENDS}",
    ),
    "what is heard while a service is asked": (
        _after_a_pin(_rest(hold_music=True), **HOLDS), f"service 200 {{}}{ENDS}",
    ),
    "what is heard while a SOAP service is asked": (
        _after_a_pin({"type": "soap", "wsdl": "https://x.example", "method": "Ask", "hold_music": True}, **HOLDS),
        f"service 200 {{}}{ENDS}",
    ),
    "what is heard until somebody answers": (
        _after_a_pin({"type": "transfer", "destination": "6175550100", "hold_music": True}, **HOLDS), f"far end 3 s{ENDS}",
    ),
    "names in a menu that is none": (
        _after_a_pin(_rest(private=True, name="menu"), {"type": "dynamic_menu", "options": "first"}),
        f"service 200 {json.dumps(WRONG_MENU)}\n{APOLOGY}{ENDS}",
    ),
    "a value that is not of its type": (_after_a_pin(_say("{{ pin | date }}")), f"hears {CANARY}{ENDS}"),
    "the reason why a service did not answer": (
        _after_a_pin(_rest(url="https://service.example/{{ pin }}")), f"service fails no route to {CANARY}{ENDS}",
    ),
    "the reason why a mail was not sent": (
        _after_a_pin({"type": "email", "to": "{{ pin }}@example.com", "subject": "x"}), f"service fails {CANARY}?{ENDS}",
    ),
    "a text, what is heard meanwhile, and why it was not sent": (
        _after_a_pin(_sms(body="x{{ pin }}", hold_music=True), **HOLDS), f"service fails not to {CANARY}{ENDS}",
    ),
    "whom a text goes to": (_after_a_pin(_sms(to="1{{ pin }}")), "call ends"),
    "who sends a text": (_after_a_pin(_sms(sender="{{ pin }}")), "call ends"),
    "the reason why a transfer failed": (
        _after_a_pin({"type": "transfer", "destination": "sip:{{ pin }}@example.com"}),
        f"far end fails no trunk for {CANARY}{ENDS}",
    ),
    "a destination that is none": (_after_a_pin({"type": "transfer", "destination": "x{{ pin }}"}), "call ends"),
    "a transfer after failed attempts": (
        _after_a_pin(
            {
                "type": "digits", "exits": {"next": "end"},
                "no_input": {"attempts": ["No {{ pin }}."], "then": "transfer", "transfer_to": "x{{ pin }}"},
            },
        ),
        f"silence\nhears No {CANARY}.{ENDS}",
    ),
    "what a script says when it fails": (
        _after_a_pin({"type": "evaluate_js", "script": "JSON.parse('{' + {{ pin }})"}), "call ends",
    ),
    "what a script makes elsewhere": (
        _after_a_pin(
            {"type": "evaluate_js", "script": "{{ other }} = {{ pin }}; {{ more }} = {x: [{{ pin }}]}"},
            _say("{{ other }} {{ more }}"),
        ),
        f'hears {CANARY} {{"x": ["{CANARY}"]}}{ENDS}',
    ),
    "the body of a post-call service": (
        _after_a_pin(
            _say("Bye."),
            post_call={"type": "rest", "method": "POST RAW", "url": "https://x.example/{{ pin }}", "body": {"x": "{{ pin }}"}},
        ),
        f"hears Bye.{ENDS}\nservice fails {CANARY}\nservice 500 {CANARY}\nservice 200 {CANARY}",
    ),
    "SSML": (_after_a_pin(_say("<speak>Dear <sub alias='{{ pin }}'>you</sub></speak>")), f"hears Dear you{ENDS}"),
    "the log": (_after_a_pin({"type": "call_log", "text": "pin={{ pin }}"}), "call ends"),
    "headers and keys of a transfer": (
        _after_a_pin(
            {"type": "transfer", "destination": "sip:desk@example.com", "headers": [{"name": "x-pin", "value": "{{ pin }}"}]},
            {"type": "transfer", "destination": "tel:6175550100;ani={{ pin }};postd={{ pin }}"},
        ),
        f"far end 3 s\nfar end busy{ENDS}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_way_round(attack: str) -> None:
    application, calls = ATTACKS[attack]
    script = parse_transcript(GIVEN + calls)
    played = play(application, script, others=[build(INNER), build(INMOST)])
    if APOLOGY not in calls and calls:
        assert played.mismatch is None, str(played.mismatch)
    kept = _kept(played)
    assert "[private]" in kept
    assert CANARY not in kept and str(int(CANARY) + 1) not in kept


@SEEDED
@given(SEEDS)
def test_what_any_application_does_with_a_private_number_is_told_nowhere(seed: int) -> None:
    _, run = a_session(seed, pin=True)
    assert run.outcome is not None
    journal = "\n".join(json.dumps(encode(entry.item)) for entry in run.entries)
    told = "\n".join(json.dumps(line.as_plum()) for line in lines(run.entries))
    kept = "\n".join((journal, told, transcript(run.entries), run.outcome.message))
    assert CANARY not in kept and str(int(CANARY) + 1) not in kept


PUBLIC = {"variables": {"ssn": CANARY}}


@pytest.mark.parametrize(
    ("module", "calls"),
    [
        (_say("Your number is {{ ssn }}."), ""),
        ({"type": "digits", "prompt": "Is it {{ ssn }}?", "no_input": {"attempts": ["No {{ ssn }}."]}}, "silence\nhears No"),
        ({"type": "record", "prompt": "For {{ ssn }}.", "beep": False}, "says (2 s)\npresses 5\n"),
        ({"type": "transfer", "prompt": "For {{ ssn }}.", "destination": "6175550100"}, "far end busy\n"),
        ({"type": "call_log", "text": "{{ ssn }}"}, ""),
        (_sms(body="{{ ssn }}"), "service 250\n"),
        (_set("copy", "{{ ssn }}"), f"hears {CANARY}"),
        ({"type": "soap", "wsdl": "https://x.example", "method": "Ask", "parameters": [{"name": "x", "value": "{{ ssn }}"}]}, ""),
    ],
)  # fmt: skip
def test_what_a_private_module_fills_in_is_private(module: dict[str, Any], calls: str) -> None:
    """Whoever passed the variable in could not mark it as private; the module that handles it can."""
    application = _after_a_pin(module | {"private": True}, _say("{{ copy }}"), **PUBLIC)
    script = parse_transcript(GIVEN.replace(CANARY, "1") + "hears x\n" + calls + "call ends")
    assert CANARY not in _kept(play(application, script, hang_up_at=9))
    shown = _after_a_pin(module, _say("{{ copy }}"), **PUBLIC)
    assert CANARY in _kept(play(shown, script, hang_up_at=9))


@pytest.mark.parametrize(
    ("module", "calls", "said"),
    [
        (
            {"type": "digits", "speech": True, "private": True},
            "says five eight two zero three four one seven\nhears 58203417",
            "five eight",
        ),
        (
            {
                "type": "digits", "speech": True, "private": True,
                "no_match": {"attempts": ["No."]}, "exits": {"next": "m1", "no_match": "m1"},
            },
            "says it is five eight two\nhears No.",
            "eight",
        ),
        (
            {"type": "menu", "speech": True, "private": True, "exits": {"one": "m1"},
             "choices": [{"keys": "1", "value": "one", "utterance": "my secret word"}]},
            "says my secret word\nhears one",
            "secret",
        ),
    ],
)  # fmt: skip
def test_what_is_said_to_a_private_module(module: dict[str, Any], calls: str, said: str) -> None:
    application = _after_a_pin(module, _say("{{ first }} {{ lastresult$ }}"))
    script = parse_transcript(GIVEN + calls + "\ncall ends")
    assert said not in _kept(play(application, script)) and CANARY not in _kept(play(application, script))
    in_public = _after_a_pin(module | {"private": False}, _say("{{ first }} {{ lastresult$ }}"))
    assert said in _kept(play(in_public, script))


def test_a_key_that_ends_a_private_message() -> None:
    application = _after_a_pin({"type": "record", "private": True})
    played = play(application, parse_transcript(GIVEN + "says (2 s)\npresses 7\ncall ends"))
    assert played.mismatch is None and "presses [private]" in transcript(played.journal)
    assert '"key": "7"' not in _kept(played)


async def _fails(call: Call) -> None:
    call.variables.set(("pin",), CANARY, private=True)
    raise ValueError(f"cannot read {CANARY}")


async def _fails_in_public(call: Call) -> None:
    raise ValueError("cannot read 17")


def test_a_mistake_of_ours_does_not_say_what_it_stumbled_over() -> None:
    journal: list[Entry] = []
    for program, told in ((_fails, "ValueError: [private]"), (_fails_in_public, "ValueError: cannot read 17")):
        run = Run(program, session=SessionInfo(), variables={}, journal=journal.append)
        command = run.start(Started(0))
        assert command is not None and run._ending is not None
        assert told in run._ending.message and "_fails" in run._ending.message
    assert CANARY not in str(journal)
