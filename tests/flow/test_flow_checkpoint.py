"""A session that is put away at any await, as JSON, and taken up by another program object, goes on to the same end."""

import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from sessions import ENDLESS, KINDS, MODULES, SEEDED, SEEDS, Monkey, TapedRun, a_session, application_of, others_of

from callwright.flow.application import Application, build, parse
from callwright.flow.engine import program
from callwright.rehearsal.simulation import Simulation
from callwright.rehearsal.transcript import ScriptedCaller
from callwright.rehearsal.transcript import parse as parse_transcript
from callwright.script.history import Scripts
from callwright.session.checkpoint import KeptRun, decode, encode, take_up
from callwright.session.codec import decode as decode_item
from callwright.session.codec import encode as encode_item
from callwright.session.codec import encode_entry
from callwright.session.commands import Collect, Command, Evaluate, Log, Play
from callwright.session.events import Event, HungUp, Match, Played, Started
from callwright.session.lines import lines
from callwright.session.run import Entry, Limits, SessionInfo
from callwright.session.scripts import script_of


def _ran(kind: str, transcript: Path) -> TapedRun:
    """The call of a transcript, to its end, put away at each await."""
    script = parse_transcript(transcript.read_text())
    run = TapedRun(application_of(kind), script.variables)
    run.puts_away = True
    Simulation(run, ScriptedCaller(script, others_of(kind), lenient=True)).run()
    return run


def _goes_on(application: Application, run: TapedRun, at: int, limits: Limits = ENDLESS) -> None:
    """From one of its checkpoints to the same end."""
    kept, told, written = run.checkpoints[at]
    journal: list[Entry] = []
    checkpoint = decode(kept)
    again = take_up(program(application, "1"), checkpoint, limits=limits, journal=journal.append)
    assert encode(again.put_away()) == encode(checkpoint) == kept, "what is put away again is the same"
    for event in run.tape[told:]:
        again.send(event)
    assert journal == run.entries[written:], told
    assert again.outcome == run.outcome
    assert again.call.variables.values == run.call.variables.values
    assert again.call.variables.private == run.call.variables.private
    assert again.told(ValueError("x")) == run.told(ValueError("x")), "whether anything private has passed"


@pytest.mark.pure
@pytest.mark.parametrize("kind", KINDS)
def test_a_session_goes_on_to_the_same_end_from_every_await(kind: str) -> None:
    again = parse((MODULES / kind / "application.yaml").read_text())
    for path in sorted((MODULES / kind).glob("*.call")):
        run = _ran(kind, path)
        for at in range(len(run.checkpoints)):
            _goes_on(again, run, at)


@pytest.mark.pure
@SEEDED
@given(SEEDS)
def test_a_session_of_any_application_goes_on_to_the_same_end(seed: int) -> None:
    """A loop that ends at its limit among them."""
    application, run = a_session(seed, puts_away=True)
    if run.checkpoints:
        _goes_on(application, run, Random(seed).randrange(len(run.checkpoints)))


@pytest.mark.pure
@pytest.mark.parametrize("limits", [Limits(steps=4), Limits(seconds=2)])
def test_limits_go_on_counting(limits: Limits) -> None:
    run = TapedRun(application_of("digits"), {}, limits=limits)
    run.puts_away = True
    Simulation(run, Monkey(Random(1), [])).run()
    assert run.outcome is not None and run.outcome.kind == "limit"
    for at in range(len(run.checkpoints)):
        _goes_on(application_of("digits"), run, at, limits)


RESUMES = """
import json, sys
from pathlib import Path
from callwright.flow.application import parse
from callwright.flow.engine import program
from callwright.session import checkpoint, codec

for line in sys.stdin:
    case = json.loads(line)
    entries = []
    run = checkpoint.take_up(
        program(parse(Path(case["application"]).read_text()), "1"),
        checkpoint.decode(case["checkpoint"].encode()),
        journal=lambda entry: entries.append(codec.encode_entry(entry).decode()),
    )
    for event in case["events"]:
        run.send(codec.decode(event))
    print(json.dumps([entries, run.outcome.kind, run.outcome.message]))
"""


@pytest.mark.wire
def test_another_process_takes_every_module_up_at_every_await() -> None:
    cases, expected = [], []
    for kind in KINDS:
        for path in sorted((MODULES / kind).glob("*.call")):
            run = _ran(kind, path)
            assert run.outcome is not None
            for kept, told, written in run.checkpoints:
                cases.append(
                    {
                        "application": str(MODULES / kind / "application.yaml"),
                        "checkpoint": kept.decode(),
                        "events": [encode_item(event) for event in run.tape[told:]],
                    }
                )
                entries = [encode_entry(entry).decode() for entry in run.entries[written:]]
                expected.append([entries, run.outcome.kind, run.outcome.message])
    asked = "".join(json.dumps(case) + "\n" for case in cases)
    done = subprocess.run([sys.executable, "-c", RESUMES], input=asked, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr[-2000:]
    answered = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answered) == len(expected) > 400
    for case, got, wanted in zip(cases, answered, expected, strict=True):
        assert got == wanted, case["application"]


# -- an application that was changed meanwhile ------------------------------------------------------

START = {"name": "start", "type": "start", "exits": {"next": "hello"}}
HELLO = {"name": "hello", "type": "prompt", "prompt": "Hello.", "exits": {"next": "pin"}}
PIN = {"name": "pin", "type": "digits", "prompt": "Pin?", "digits_max": 4, "exits": {"next": "bye"}}
BYE = {"name": "bye", "type": "prompt", "prompt": "Bye {{ pin }}, {{ who }}.", "exits": {"next": "end"}}
END = {"name": "end", "type": "exit"}


def _application(*modules: dict[str, Any], **document: Any) -> Application:
    return build({"name": "A", "pages": [{"name": "Main", "modules": [START, *modules, END]}], **document})


def _waits_for_a_pin() -> bytes:
    run = KeptRun(
        program(_application(HELLO, PIN, BYE), "1"),
        session=SessionInfo(),
        variables={"who": "Ann"},
        journal=lambda _: None,
    )
    command = run.start(Started(100))
    while not isinstance(command, Collect):
        assert command is not None
        command = run.send(Played(101) if isinstance(command, Play) else decode_item({"type": "done", "now": 101}))  # type: ignore[arg-type]
    return encode(run.put_away())


def _taken_up(application: Application) -> tuple[KeptRun, list[str]]:
    journal: list[Entry] = []
    run = take_up(program(application, "2"), decode(_waits_for_a_pin()), journal=journal.append)
    return run, [line.line for line in lines(journal) if line.level == "error"]


@pytest.mark.pure
def test_what_does_not_concern_the_module_goes_on_as_if_nothing_had_changed() -> None:
    changed = BYE | {"prompt": "Goodbye {{ who }}, {{ pin }}."}
    run, told = _taken_up(_application(HELLO | {"prompt": "Hi!"}, PIN, changed))
    assert told == [] and isinstance(run.asked, Collect)
    said = run.send(Match(200, "pin", "1234", "1234"))
    assert isinstance(said, Play) and "Goodbye Ann, 1234." in str(said)


@pytest.mark.pure
def test_a_module_that_asks_for_something_else_begins_again_with_what_there_was() -> None:
    run, told = _taken_up(_application(HELLO, PIN | {"prompt": "Your pin, please?"}, BYE))
    assert told == ["The application has changed since the session was put away: it goes on with module 'pin' again"]
    assert isinstance(run.asked, Collect) and "Your pin, please?" in str(run.asked)
    said = run.send(Match(200, "pin", "1234", "1234"))
    assert isinstance(said, Play) and "Bye 1234, Ann." in str(said)


@pytest.mark.pure
def test_a_module_that_is_gone_ends_the_session_and_says_why() -> None:
    run, told = _taken_up(_application(HELLO | {"exits": {"next": "bye"}}, BYE))
    assert told[-1] == "The application has changed: it has no module 'pin' any more"
    assert isinstance(run.asked, Play) and "An error has occurred" in str(run.asked)
    run.send(HungUp(200))
    assert run.outcome is not None and run.outcome.kind == "error"


@pytest.mark.pure
@pytest.mark.parametrize("text", ["", "{}", "[]", "x", '{"session": {}}'])
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        decode(text.encode())


# -- scripts, whose realm is elsewhere --------------------------------------------------------------


@pytest.mark.pure
def test_scripts_find_what_earlier_ones_have_kept() -> None:
    """Their realm was in the process that is gone; it is made again from the scripts that a checkpoint remembers."""
    count = {"name": "hello", "type": "evaluate_js", "script": "next()", "exits": {"next": "pin"}}
    again = {"name": "bye", "type": "evaluate_js", "script": "next()", "exits": {"next": "last"}}
    last = {"name": "last", "type": "prompt", "prompt": "{{ hello }} {{ bye }}", "exits": {"next": "end"}}
    application = _application(
        count, PIN, again, last, libraries={"counting": "var n = 0; function next() { return ++n; }"}
    )
    scripts = Scripts()

    def answered(command: Command | None, scripts: Scripts) -> Event:
        match command:
            case Evaluate():
                path = command.realm
                done = scripts.run(script_of(command), path=path, libraries=command.libraries)
                return decode_item({"type": "evaluated", "now": 1, "value": done.value, "changes": []})  # type: ignore[return-value]
            case Log():
                return decode_item({"type": "done", "now": 1})  # type: ignore[return-value]
        raise AssertionError(command)

    run = KeptRun(program(application, "1"), session=SessionInfo(), variables={}, journal=lambda _: None)
    command = run.start(Started(1))
    while not isinstance(command, Collect):
        command = run.send(answered(command, scripts))
    kept = encode(run.put_away())
    elsewhere = Scripts()
    taken = take_up(program(application, "1"), decode(kept), journal=lambda _: None)
    for script in taken.scripts:
        elsewhere.remember(script.realm, script_of(script))
    command = taken.send(Match(2, "pin", "1234", "1234"))
    said = taken.send(answered(command, elsewhere))
    assert isinstance(said, Play) and "1 2" in str(said)
