"""A run is its events: told again they lead to the same commands, and a run that was cut anywhere goes on to the same end."""

from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.flow.application import Application, parse
from callwright.flow.engine import program
from callwright.flow.module import REGISTRY
from callwright.rehearsal.simulation import FarEnd, Message, Simulation, evaluated
from callwright.rehearsal.transcript import ScriptedCaller
from callwright.rehearsal.transcript import parse as parse_transcript
from callwright.script.history import Scripts
from callwright.session.codec import decode, encode
from callwright.session.commands import Evaluate, Load
from callwright.session.events import Event, Fetched, FetchFailed, HungUp, Loaded, Started
from callwright.session.run import Entry, Run, SessionInfo

pytestmark = pytest.mark.pure

MODULES = Path(__file__).parent / "modules"
KINDS = sorted(REGISTRY)


class _Taped(Run):
    """Keeps the events that it is given, as they were: a checkpoint is all of them up to some point."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.tape: list[Event] = []

    def start(self, event: Started) -> Any:
        self.tape.append(event)
        return super().start(event)

    def send(self, event: Event) -> Any:
        self.tape.append(event)
        return super().send(event)


def _run(application: Application, variables: dict[str, Any], journal: list[Entry]) -> _Taped:
    return _Taped(
        program(application, "1"),
        session=SessionInfo(application=application.name),
        variables=variables,
        journal=journal.append,
    )


def _tell(run: Run, tape: list[Event]) -> None:
    """Drive a run with the events of another, by way of JSON, as a checkpoint keeps them."""
    events = [decode(encode(event)) for event in tape]
    assert isinstance(events[0], Started)
    run.start(events[0])
    for event in events[1:]:
        run.send(event)  # type: ignore[arg-type]


def _others(kind: str) -> list[Application]:
    return [parse(path.read_text()) for path in (MODULES / kind).glob("*.yaml") if path.name != "application.yaml"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_transcript_replays_to_an_identical_journal(kind: str) -> None:
    application = parse((MODULES / kind / "application.yaml").read_text())
    for path in sorted((MODULES / kind).glob("*.call")):
        script = parse_transcript(path.read_text())
        journal: list[Entry] = []
        run = _run(application, script.variables, journal)
        Simulation(run, ScriptedCaller(script, _others(kind), lenient=True)).run()
        again: list[Entry] = []
        replayed = _run(application, script.variables, again)
        _tell(replayed, run.tape)
        assert again == journal and replayed.outcome == run.outcome, path.name


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_cut_at_every_await_goes_on_to_the_same_end(kind: str) -> None:
    """What it had been told is told to a new run; from there on the caller does what they did before."""
    application = parse((MODULES / kind / "application.yaml").read_text())
    path = sorted((MODULES / kind).glob("*.call"))[0]
    script = parse_transcript(path.read_text())
    whole: list[Entry] = []
    run = _run(application, script.variables, whole)
    Simulation(run, ScriptedCaller(script, _others(kind), lenient=True)).run()
    for cut in range(1, len(run.tape)):
        journal: list[Entry] = []
        first = _run(application, script.variables, journal)
        _tell(first, run.tape[:cut])
        assert first.outcome is None
        second_journal: list[Entry] = []
        second = _run(application, script.variables, second_journal)
        _tell(second, first.tape)
        assert second_journal == journal == whole[: len(journal)]
        for event in run.tape[cut:]:
            second.send(event)
        assert second_journal == whole and second.outcome == run.outcome, cut


class _Monkey:
    """A caller, and a world, that do anything, but always the same for the same seed."""

    def __init__(self, random: Random, others: list[Application]) -> None:
        self._random = random
        self._others = others

    def hears(self, prompt: Any) -> None: ...

    def acts(self, moment: str, *, speech: bool) -> str | None:
        return self._random.choice(
            [None, "", "", "1", "2", "9#", "*", "11242026", "".join(self._random.choices("0123456789*#", k=5))]
        )

    def records(self, asked: Any) -> Message:
        return Message(self._random.choice([0, 2, 999]), self._random.choice(["", "#"]), self._random.random() < 0.2)

    def transfers(self, asked: Any) -> FarEnd:
        outcome = self._random.choice(["answers", "noanswer", "busy", "error"])
        return FarEnd(outcome, 5.0, "reason", self._random.random() < 0.2)

    def serves(self, request: Any) -> Fetched | FetchFailed:
        bodies = ["{}", "[]", "x", '{"price": 1}', '{"menu": [{"dtmf": 1, "value": "a"}]}', ""]
        if self._random.random() < 0.3:
            return FetchFailed(0, "no answer")
        return Fetched(
            0, self._random.choice([200, 404]), "application/json", self._random.choice(bodies), "https://x.example/"
        )

    def loads(self, asked: Load) -> Loaded:
        return Loaded(0, "Other", 1, self._others[0].model_dump(mode="json"))

    def left(self) -> None: ...


@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 2**32))
def test_any_call_replays_to_an_identical_journal(kind: str, seed: int) -> None:
    application = parse((MODULES / kind / "application.yaml").read_text())
    journal: list[Entry] = []
    run = _run(application, {"who": "Ann"}, journal)
    outcome = Simulation(run, _Monkey(Random(seed), _others(kind))).run()
    again: list[Entry] = []
    replayed = _run(application, {"who": "Ann"}, again)
    _tell(replayed, run.tape)
    assert again == journal and replayed.outcome == outcome
    assert outcome.kind != "error" or "Traceback" not in outcome.message, outcome.message
    gone = [index for index, event in enumerate(run.tape) if isinstance(event, HungUp)]
    assert len(gone) <= 1


def test_a_script_gives_the_same_result_for_the_same_seed() -> None:
    asked = Evaluate("[Math.random(), Date.now()]", (), now=5.0, seed=7)
    assert evaluated(asked, Scripts()) == evaluated(asked, Scripts())
