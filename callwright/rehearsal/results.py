"""What came of playing transcripts against an application: as data, for the command line, publishing and the API."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from callwright.flow.application import Application
from callwright.rehearsal.coverage import Coverage
from callwright.rehearsal.transcript import TranscriptError, parse, play
from callwright.session.transcript import transcript


@dataclass(frozen=True, slots=True)
class Result:
    """One transcript that was played."""

    name: str
    problem: str = ""
    "Why it did not pass; empty where the call went as it should."

    call: list[str] = field(default_factory=list)
    "The call as it went, line by line."


@dataclass(frozen=True, slots=True)
class Results:
    """All of them, and what of the application they have tried."""

    transcripts: list[Result]
    coverage: Coverage

    @property
    def failed(self) -> list[Result]:
        return [one for one in self.transcripts if one.problem]

    def as_data(self) -> dict[str, Any]:
        (tried, modules), (taken, exits) = self.coverage.modules, self.coverage.exits
        return {
            "transcripts": [
                {"name": one.name, "passed": not one.problem, "problem": one.problem, "call": one.call}
                for one in self.transcripts
            ],
            "modules": {"tried": tried, "all": modules},
            "exits": {"taken": taken, "all": exits, "missed": self.coverage.missed},
        }


def rehearse(
    application: Application,
    transcripts: Iterable[tuple[str, str]],
    *,
    others: Sequence[Application] = (),
) -> Results:
    """Play transcripts, given as (name, text). `others` are the applications that this one goes to."""
    coverage = Coverage(application)
    return Results(list(_played(application, transcripts, coverage, others)), coverage)


def _played(
    application: Application,
    transcripts: Iterable[tuple[str, str]],
    coverage: Coverage,
    others: Sequence[Application],
) -> Iterator[Result]:
    for name, text in transcripts:
        try:
            script = parse(text)
        except TranscriptError as error:
            yield Result(name, str(error))
            continue
        played = play(application, script, others=others)
        coverage.add(played.exits)
        # A call that was given up half-way has not ended, whatever its transcript would say.
        lines = transcript(played.journal).splitlines()[: -1 if played.mismatch else None]
        yield Result(name, str(played.mismatch or ""), lines)
