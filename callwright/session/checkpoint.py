"""Putting a session away and taking it up again: in another process, days later, after the application was changed.

A checkpoint is the last place between two modules with all that the program held there, and what it was told since. To take it up
is to start the program at that place and tell it the same again; nothing is performed, and nothing journalled, a second time. A
program that then asks for something else is another one than before (its author has changed it): it begins again at the
place, with what it held there, and its log says so.

A checkpoint holds what is private in clear, as the running program does. Whoever stores one seals it, and deletes it when the
session is over.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import TypeAdapter

from callwright.base.errors import AuthorError
from callwright.base.values import Value
from callwright.script.variables import Variables
from callwright.session import codec
from callwright.session.commands import Command, Evaluate, Log
from callwright.session.events import Evaluated, Event, Started
from callwright.session.run import Entry, Limits, Program, Realm, Run, SessionInfo

LIMITS = Limits()

SCRIPTS_MAX = 1_001
"Scripts that are kept, to make their realm again: one more than a realm is made again with (`script.history`)."


@dataclass(frozen=True, slots=True)
class Place:
    """A program between two of its modules, with all that it holds. Applications inside it are over, or have not begun; the
    caller is there, for no module begins when they have gone."""

    module: str
    "The next one; empty: the program has not begun."

    modules: int
    "That were run before."

    steps: int
    now: float
    variables: dict[str, Value]
    private: tuple[str, ...]
    "Roots of variables."

    language: str
    unfinished: tuple[str, bool] | None
    realm_private: bool
    realm_entered: int
    seen_private: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """The command could not be performed (`Run.refuse`)."""

    reason: str
    type: Literal["refusal"] = "refusal"


@dataclass(frozen=True, slots=True)
class Told:
    """One event since the place."""

    asked: str
    "Digest of the command that it answered."

    event: Event | Refusal


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A session, put away at an await."""

    session: SessionInfo
    started_at: float
    place: Place
    told: tuple[Told, ...]
    asked: str
    "Digest of the command that waits for its answer."

    scripts: tuple[Evaluate, ...] = ()
    "Those that had run at the place, without the libraries, which stand in the document."


_ADAPTER: TypeAdapter[Checkpoint] = TypeAdapter(Checkpoint)


def encode(checkpoint: Checkpoint) -> bytes:
    """As JSON."""
    return _ADAPTER.dump_json(checkpoint)


def decode(encoded: bytes) -> Checkpoint:
    """The inverse of `encode`. Raises `ValueError` for anything else."""
    return _ADAPTER.validate_json(encoded)


class KeptRun(Run):
    """A run that can be put away at any await, at the price of writing its variables down before each module."""

    def __init__(
        self,
        program: Program,
        *,
        session: SessionInfo,
        variables: Mapping[str, Value],
        limits: Limits = LIMITS,
        journal: Callable[[Entry], None],
    ) -> None:
        super().__init__(program, session=session, variables=variables, limits=limits, journal=journal)
        self.call.on_module = self._keep
        self._place: Place | None = None
        "Without the variables."

        self._variables = ""
        "What they were at that place, as JSON: quicker than copying them."

        self._since: list[tuple[Command, Event | Refusal]] = []
        "What was asked and answered since that place."

        self._scripts: list[Evaluate] = []
        self.began_again = False
        "It was taken up, and asks for something else than before."

    def start(self, event: Started) -> Command | None:
        self.call.now = event.now
        self._keep("", 0)
        return super().start(event)

    def send(self, event: Event) -> Command | None:
        assert self.asked is not None
        self._since.append((self.asked, event))
        return super().send(event)

    def refuse(self, error: AuthorError) -> Command | None:
        assert self.asked is not None
        self._since.append((self.asked, Refusal(error.message)))
        return super().refuse(error)

    def put_away(self) -> Checkpoint:
        """The session as it is now, while it waits for an answer."""
        assert self._place is not None and self.asked is not None and self.outcome is None
        told = tuple(Told(_digest(asked), event) for asked, event in self._since)
        place = replace(self._place, variables=json.loads(self._variables))
        return Checkpoint(self.call.session, self.started_at, place, told, _digest(self.asked), tuple(self._scripts))

    @property
    def scripts(self) -> list[Evaluate]:
        """Every script of the session that has run, without libraries. Whoever performs scripts remembers them first."""
        since = [asked for asked, event in self._since if isinstance(asked, Evaluate) and isinstance(event, Evaluated)]
        return [*self._scripts, *(replace(script, libraries=()) for script in since)]

    def _keep(self, module: str, modules: int) -> None:
        call = self.call
        # Between two modules only the realm of the application itself is there.
        self._scripts = [script for script in self.scripts if not script.realm][:SCRIPTS_MAX]
        self._since.clear()
        self._variables = json.dumps(call.variables.values)
        self._place = Place(
            module,
            modules,
            self._steps,
            call.now,
            {},
            tuple(sorted(call.variables.private)),
            call.language,
            call.unfinished,
            call.realm.private,
            call.realm.entered,
            self._redactor.seen_private,
        )

    def _begin(self, checkpoint: Checkpoint) -> None:
        """Go on at the place of a checkpoint, in place of `start`."""
        place, call = checkpoint.place, self.call
        self.started_at, self._steps, self._scripts = checkpoint.started_at, place.steps, list(checkpoint.scripts)
        self._redactor.seen_private = place.seen_private
        call.now, call.language = place.now, place.language
        call.variables = Variables(deepcopy(place.variables))
        call.variables.private.update(place.private)
        call.unfinished = place.unfinished
        call.realm = Realm((), place.realm_private, place.realm_entered)
        call.begins_at = (place.module, place.modules) if place.module else None
        self._place, self._variables = place, json.dumps(place.variables)
        self._resume(None)


def take_up(
    program: Program, checkpoint: Checkpoint, *, limits: Limits = LIMITS, journal: Callable[[Entry], None]
) -> KeptRun:
    """The run as it was. `asked` is to be performed next, unless it is over (`outcome`)."""
    run = _begun(program, checkpoint, limits, lambda _: None)
    for told in checkpoint.told:
        if run.outcome is not None or _digest(run.asked) != told.asked:
            return _anew(program, checkpoint, limits, journal)
        if isinstance(told.event, Refusal):
            run.refuse(AuthorError(told.event.reason))
        else:
            run.send(told.event)
    if run.outcome is not None or _digest(run.asked) != checkpoint.asked:
        return _anew(program, checkpoint, limits, journal)
    run.journal = journal
    return run


def _begun(program: Program, checkpoint: Checkpoint, limits: Limits, journal: Callable[[Entry], None]) -> KeptRun:
    run = KeptRun(program, session=checkpoint.session, variables={}, limits=limits, journal=journal)
    run._begin(checkpoint)
    return run


def _anew(program: Program, checkpoint: Checkpoint, limits: Limits, journal: Callable[[Entry], None]) -> KeptRun:
    """The program asks for something else than before: it begins at the place again."""
    where = f"with module {checkpoint.place.module!r} again" if checkpoint.place.module else "from its beginning"
    told = f"The application has changed since the session was put away: it goes on {where}"
    journal(Entry(checkpoint.place.now, None, Log(told, "error")))
    run = _begun(program, checkpoint, limits, journal)
    run.began_again = True
    return run


def _digest(command: Command | None) -> str:
    assert command is not None
    return hashlib.blake2b(codec.encode_bytes(command), digest_size=12).hexdigest()
