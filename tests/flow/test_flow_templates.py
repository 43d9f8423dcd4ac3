"""Templates: nothing is odd about them, and their own transcripts pass and take every exit."""

import pytest

from callwright.flow import templates
from callwright.flow.inspection import inspect
from callwright.rehearsal.coverage import Coverage
from callwright.rehearsal.transcript import parse, play

pytestmark = pytest.mark.pure

OWN = [name for name in templates.names() if name != "appointment_reminder"]


def test_there_are_six() -> None:
    assert templates.names() == [
        "after_hours_menu",
        "appointment_reminder",
        "leave_a_message",
        "pin_check",
        "survey",
        "voicemail_to_email",
    ]
    with pytest.raises(KeyError):
        templates.source("../starter/appointment_reminder")


@pytest.mark.parametrize("name", templates.names())
def test_it_says_what_it_does(name: str) -> None:
    said = templates.description(name)
    assert said.endswith(".") and "#" not in said and "callwright" not in said


@pytest.mark.parametrize("name", templates.names())
def test_nothing_is_odd_about_it(name: str) -> None:
    assert [str(finding) for finding in inspect(templates.application(name))] == []


@pytest.mark.parametrize("name", OWN)
def test_its_transcripts_pass_and_take_every_exit(name: str) -> None:
    application = templates.application(name)
    coverage = Coverage(application)
    for title, text in application.transcripts.items():
        played = play(application, parse(text))
        assert played.mismatch is None, f"{title}: {played.mismatch}"
        coverage.add(played.exits)
    assert coverage.missed == []


def test_a_pin_is_nowhere() -> None:
    application = templates.application("pin_check")
    script = parse(application.transcripts["is let in"])
    journal = str([entry.item for entry in play(application, script).journal])
    assert "4711" not in journal and "12 dollars" not in journal and "12345" in journal
