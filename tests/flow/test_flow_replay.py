"""A run is its events: told again they lead to the same commands and to an identical journal."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sessions import KINDS, MODULES, SEEDED, SEEDS, Monkey, TapedRun, a_session, application_of, others_of

from callwright.flow.application import Application
from callwright.rehearsal.simulation import Simulation, evaluated
from callwright.rehearsal.transcript import ScriptedCaller, play
from callwright.rehearsal.transcript import parse as parse_transcript
from callwright.script.history import Scripts
from callwright.session.codec import decode, encode
from callwright.session.commands import CallerCommand, Evaluate, SetRecording
from callwright.session.events import HungUp, Started
from callwright.session.redaction import PRIVATE
from callwright.session.transcript import transcript

pytestmark = pytest.mark.pure


def _replays(application: Application, run: TapedRun, variables: dict) -> None:
    """The run's events, by way of JSON, lead another one to the same."""
    again = TapedRun(application, variables)
    events = [decode(encode(event)) for event in run.tape]
    assert isinstance(events[0], Started)
    again.start(events[0])
    for event in events[1:]:
        again.send(event)  # type: ignore[arg-type]
    assert again.entries == run.entries and again.outcome == run.outcome
    assert again.call.variables.values == run.call.variables.values


@pytest.mark.parametrize("kind", KINDS)
def test_every_transcript_replays_to_an_identical_journal(kind: str) -> None:
    for path in sorted((MODULES / kind).glob("*.call")):
        script = parse_transcript(path.read_text())
        run = TapedRun(application_of(kind), script.variables)
        Simulation(run, ScriptedCaller(script, others_of(kind), lenient=True)).run()
        _replays(application_of(kind), run, script.variables)


@SEEDED
@given(kind=st.sampled_from(KINDS), seed=SEEDS)
def test_any_call_of_each_module_replays_to_an_identical_journal(kind: str, seed: int) -> None:
    run = TapedRun(application_of(kind), {"who": "Ann"})
    Simulation(run, Monkey(Random(seed), others_of("go_to_app"))).run()
    _replays(application_of(kind), run, {"who": "Ann"})


@SEEDED
@given(SEEDS)
def test_any_call_of_any_application_replays_to_an_identical_journal(seed: int) -> None:
    application, run = a_session(seed)
    _replays(application, run, {"who": "Ann"})
    assert run.outcome is not None and "Traceback" not in run.outcome.message, run.outcome.message
    assert sum(isinstance(event, HungUp) for event in run.tape) <= 1


@SEEDED
@given(SEEDS)
def test_a_hang_up_at_any_moment_of_any_application_ends_it(seed: int) -> None:
    _, whole = a_session(seed)
    at = Random(seed).randrange(len(whole.tape))
    _, run = a_session(seed, hang_up_at=at)
    assert run.outcome is not None and run.outcome.kind in ("hung_up", "exit", "error", "limit")
    gone = next(
        (
            n
            for n, one in enumerate(run.entries)
            if one.item.type == "hung_up" or getattr(one.item, "caller_gone", False)
        ),
        len(run.entries),
    )
    after = [entry.item for entry in run.entries[gone + 1 :] if isinstance(entry.item, CallerCommand)]
    assert all(isinstance(item, SetRecording) and not item.on for item in after)


@SEEDED
@given(SEEDS)
def test_a_call_of_any_application_becomes_a_transcript_that_it_passes(seed: int) -> None:
    application, run = a_session(seed)
    if run.outcome is None or run.outcome.kind in ("error", "limit") or application.post_call is not None:
        # Whether a hang-up came before or during a request is not told where requests may follow it either way.
        return
    written = transcript(run.entries)
    if PRIVATE in written:
        return
    played = play(application, parse_transcript(f"variable who = Ann\n{written}"), others=others_of("go_to_app"))
    assert played.mismatch is None, f"{played.mismatch}\n{written}"
    assert transcript(played.journal) == written


def test_a_script_gives_the_same_result_for_the_same_seed() -> None:
    asked = Evaluate("[Math.random(), Date.now()]", (), now=5.0, seed=7)
    assert evaluated(asked, Scripts()) == evaluated(asked, Scripts())
