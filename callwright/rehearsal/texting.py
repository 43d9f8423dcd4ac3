"""A conversation by text without a carrier: drives a Run as one by text is driven, against somebody made of code."""

from typing import Protocol

from callwright.base.errors import AuthorError
from callwright.rehearsal.simulation import Caller, Moment, Simulation
from callwright.session.commands import CallerCommand, Collect, Command, WorldCommand
from callwright.session.events import Event, HungUp, Started
from callwright.session.run import Outcome, Run
from callwright.session.texting import Turn, answer

TEXT_S = 60.0
"What a text takes to be answered."


class Correspondent(Caller, Protocol):
    """The other end of a conversation by text. `hears` is told each prompt of what it is sent."""

    def texts(self) -> str | None:
        """The next text, the first of all included; None: it wants no more."""


class TextSimulation(Simulation):
    """One conversation by text."""

    def __init__(self, run: Run, correspondent: Correspondent, *, hang_up_at: int | None = None) -> None:
        super().__init__(run, correspondent, hang_up_at=hang_up_at)
        self._correspondent = correspondent

    def run(self) -> Outcome:
        """Drive the program to its end."""
        opening = self._correspondent.texts()
        assert opening is not None, "a conversation by text begins with one"
        command = self._run.start(Started(self.now, opening))
        while command is not None:
            command = self._answered(command)
        assert self._run.outcome is not None
        return self._run.outcome

    def _answered(self, command: Command) -> Command | None:
        """What is asked next, once this was answered."""
        hangs_up = self.commands == self._hang_up_at
        self.commands += 1
        if isinstance(command, WorldCommand):
            self._gone = self._gone or hangs_up
            return self._run.send(self._world(command))
        if hangs_up:
            return self._run.send(self._hung_up())
        try:
            return self._run.send(self._by_text(command))
        except AuthorError as error:
            return self._run.refuse(error)

    def _by_text(self, command: CallerCommand) -> Event:
        side = Turn()
        event = side.perform(command, self.now)
        for prompt in side.said:
            self._hear(prompt)
        if event is None:
            assert isinstance(command, Collect)
            text = self._correspondent.texts()
            self.now += TEXT_S
            return self._hung_up() if text is None else answer(command, text, self.now)
        if isinstance(event, HungUp):
            self._gone = True
            self._correspondent.left()
        return event

    def _listen(self, moment: Moment = "speaking") -> bool:
        # Nobody is at the other end while something is said or fetched.
        return True
