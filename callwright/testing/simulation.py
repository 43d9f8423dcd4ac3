"""A call without a telephone: drives a Run in virtual time against a caller made of code.

Input goes through the same `Collector` as on a real call, and type-ahead, barge-in and hang-up behave as the
voice layer has them. Nothing waits: a prompt, a pause and a time-out move the clock.
"""

from dataclasses import replace
from itertools import takewhile
from typing import Literal, Protocol

from callwright.grammar.collector import Collector
from callwright.session.commands import Collect, Command, Disconnect, Fetch, Log, Play, SetRecording
from callwright.session.events import Done, Event, Fetched, FetchFailed, HungUp, Played, Started
from callwright.session.prompts import Prompt
from callwright.session.run import Outcome, Run

STARTED_AT = 1_700_000_000.0
"UNIX seconds at which every simulated call begins."

PROMPT_S, KEY_S, FETCH_S = 2.0, 0.2, 0.1
"What a prompt, a key and a request take."

Moment = Literal["speaking", "waiting", "fetching"]
"""When a caller acts: before or right after a prompt; when everything is said and the application waits; while a
web service is asked. Keys pressed while it speaks or fetches are type-ahead."""


class Caller(Protocol):
    """The other end of a simulated call: hears, presses keys, and answers in place of web services."""

    def hears(self, prompt: Prompt) -> None:
        """The prompt is said to its end. Prompts that keys have cut off or made needless are not heard."""

    def acts(self, moment: Moment) -> str | None:
        """The keys pressed now, "" for none, None to hang up. None at all while `waiting` is silence to the time-out."""

    def serves(self, request: Fetch) -> Fetched | FetchFailed:
        """How the web service answers; the simulation fills in the time."""


class Simulation:
    """One simulated call."""

    def __init__(self, run: Run, caller: Caller, *, hang_up_at: int | None = None) -> None:
        self._run = run
        self._caller = caller
        self._hang_up_at = hang_up_at
        self._typed = ""
        self._gone = False
        self.now = STARTED_AT
        self.commands = 0
        "Commands performed so far."

    def run(self) -> Outcome:
        """Drive the program to its end. `hang_up_at` = n: the caller hangs up during the n-th command, from 0."""
        command = self._run.start(Started(self.now))
        while command is not None:
            command = self._run.send(self._perform(command))
        assert self._run.outcome is not None
        return self._run.outcome

    def _perform(self, command: Command) -> Event:
        hangs_up = self.commands == self._hang_up_at
        self.commands += 1
        if isinstance(command, Log | Fetch):
            self._gone = self._gone or hangs_up
            return self._fetch(command) if isinstance(command, Fetch) else Done(self.now, caller_gone=self._gone)
        assert not self._gone, "after a hang-up no command for the caller leaves a program"
        if hangs_up:
            return self._hung_up()
        match command:
            case Play():
                return self._play(command)
            case Collect():
                return self._collect(command)
            case SetRecording():
                return Done(self.now)
            case Disconnect():
                self._gone = True
                return HungUp(self.now, by="application")

    def _play(self, command: Play) -> Event:
        for prompt in command.prompts:
            if not self._listen():
                return self._hung_up()
            if self._typed and prompt.barge_in:
                return Played(self.now, interrupted=True)
            self._hear(prompt)
        return Played(self.now) if self._listen() else self._hung_up()

    def _collect(self, command: Collect) -> Event:
        # What comes first and cannot be cut off is heard whatever was typed ahead.
        first = list(takewhile(lambda prompt: not prompt.barge_in, command.prompts))
        for prompt in first:
            if not self._listen():
                return self._hung_up()
            self._hear(prompt)
        rest = command.prompts[len(first) :]
        if rest and not self._listen():
            return self._hung_up()
        collector = Collector(command.grammars, command.timers, self._typed, self.now)
        self._typed = ""
        if not self._ask(collector, rest):
            return self._hung_up()
        if collector.result is None:
            assert collector.deadline is not None
            self.now = collector.deadline
            collector.tick(self.now)
        assert collector.result is not None
        self._typed = collector.left_over
        return collector.result

    def _ask(self, collector: Collector, prompts: tuple[Prompt, ...]) -> bool:
        """Say prompts and feed keys; False when the caller hangs up instead."""
        for at, prompt in enumerate(prompts):
            if at and not self._feed(collector, "speaking"):
                return False
            if not collector.playing:
                return True
            self._hear(prompt)
        if not collector.playing:
            return True
        collector.prompts_ended(self.now)
        return self._feed(collector, "waiting")

    def _feed(self, collector: Collector, moment: Moment) -> bool:
        keys = self._caller.acts(moment)
        for key in keys or "":
            self.now += KEY_S
            collector.key(key, self.now)
        return keys is not None

    def _fetch(self, request: Fetch) -> Fetched | FetchFailed:
        if not self._gone and not self._listen("fetching"):
            self._gone = True
        self.now += FETCH_S
        return replace(self._caller.serves(request), now=self.now, caller_gone=self._gone)

    def _listen(self, moment: Moment = "speaking") -> bool:
        """Take the keys that the caller presses ahead; False for a hang-up."""
        keys = self._caller.acts(moment)
        self._typed += keys or ""
        return keys is not None

    def _hear(self, prompt: Prompt) -> None:
        self._caller.hears(prompt)
        self.now += PROMPT_S

    def _hung_up(self) -> HungUp:
        self._gone = True
        return HungUp(self.now)
