"""Every module of the registry: its transcripts take each of its exits, and a hang-up at any point ends it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from callwright.flow.application import Application, parse
from callwright.flow.module import REGISTRY
from callwright.rehearsal.coverage import Coverage
from callwright.rehearsal.transcript import Script, play
from callwright.rehearsal.transcript import parse as parse_transcript
from callwright.session.commands import Collect, Disconnect, Play, SetRecording

pytestmark = pytest.mark.pure

MODULES = Path(__file__).parent / "modules"
KINDS = sorted(REGISTRY)


def _application(kind: str) -> Application:
    return parse((MODULES / kind / "application.yaml").read_text())


def _others(kind: str) -> list[Application]:
    """The applications that it goes to."""
    return [parse(path.read_text()) for path in (MODULES / kind).glob("*.yaml") if path.name != "application.yaml"]


NEVER_TAKEN = {"subdialog": ["other: next"]}
"Exits that no call can take yet."


def _scripts(kind: str) -> Iterator[tuple[str, Script]]:
    for path in sorted((MODULES / kind).glob("*.call")):
        yield path.name, parse_transcript(path.read_text())


@pytest.mark.parametrize("kind", KINDS)
def test_transcripts_go_as_written_and_take_every_exit(kind: str) -> None:
    application = _application(kind)
    coverage = Coverage(application)
    for name, script in _scripts(kind):
        played = play(application, script, others=_others(kind))
        assert played.mismatch is None, f"{name}: {played.mismatch}"
        coverage.add(played.exits)
    assert kind in {module.type for page in application.pages for module in page.modules}
    assert coverage.missed == NEVER_TAKEN.get(kind, [])
    assert coverage.modules[0] == coverage.modules[1]


@pytest.mark.parametrize("kind", KINDS)
def test_each_possible_exit_is_joined_in_its_application(kind: str) -> None:
    """Else the test above would not see an exit that nobody joined."""
    modules = [m for page in _application(kind).pages for m in page.modules if m.type == kind]
    assert any(set(m.exits) == {*m.exits_needed(), *m.exits_optional()} for m in modules)


@pytest.mark.parametrize("kind", KINDS)
def test_a_caller_may_hang_up_at_every_point(kind: str) -> None:
    application = _application(kind)
    for name, script in _scripts(kind):
        for at in range(play(application, script, others=_others(kind)).commands):
            played = play(application, script, others=_others(kind), hang_up_at=at)
            assert played.mismatch is None, (name, at, played.mismatch)
            assert played.outcome is not None and played.outcome.kind in ("hung_up", "exit"), (name, at)
            # A flow that has itself hung up just before has ended; any other was ended by the caller.
            last = [entry.item for entry in played.journal if isinstance(entry.item, Disconnect)]
            assert bool(last) == (played.outcome.kind == "exit"), (name, at)
            asked_after = [
                entry.item
                for entry in played.journal[_gone_at(played.journal) :]
                if isinstance(entry.item, Play | Collect | SetRecording | Disconnect)
            ]
            assert asked_after == [], (name, at)


def _gone_at(journal) -> int:
    for index, entry in enumerate(journal):
        if entry.item.type == "hung_up" or getattr(entry.item, "caller_gone", False):
            return index + 1
    raise AssertionError("nobody hung up")


@pytest.mark.parametrize("kind", KINDS)
def test_a_module_says_what_it_is(kind: str) -> None:
    module = REGISTRY[kind]
    assert (module.__doc__ or "").strip() and module.icon
    for name, field in module.model_fields.items():
        if name != "type":
            assert field.title, f"{kind}.{name} has no title"
