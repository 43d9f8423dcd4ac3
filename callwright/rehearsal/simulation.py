"""A call without a telephone: drives a Run in virtual time against a caller made of code.

Input goes through the same `Collector` as on a real call, and type-ahead, barge-in and hang-up behave as the
voice layer has them. Nothing waits: a prompt, a pause and a time-out move the clock.
"""

from dataclasses import dataclass, replace
from itertools import count, takewhile
from typing import Literal, Protocol

from callwright.base import json_text
from callwright.base.callee_types import CalleeType
from callwright.base.values import Value
from callwright.grammar.collector import Collector
from callwright.grammar.input import Heard
from callwright.grammar.words import words_of
from callwright.script.history import Scripts
from callwright.script.javascript import ScriptError
from callwright.session.commands import (
    Collect,
    Command,
    Disconnect,
    Evaluate,
    Fetch,
    Invoke,
    Load,
    Log,
    Play,
    Record,
    Send,
    SendText,
    SetRecording,
    Transfer,
    WorldCommand,
)
from callwright.session.events import (
    CalleeFound,
    Done,
    Evaluated,
    EvaluationFailed,
    Event,
    Fetched,
    FetchFailed,
    HungUp,
    Invoked,
    InvokeFailed,
    Loaded,
    LoadFailed,
    NoInput,
    Played,
    Recorded,
    SendFailed,
    Sent,
    Started,
    TransferEnded,
)
from callwright.session.prompts import Prompt
from callwright.session.run import Outcome, Run
from callwright.session.scripts import script_of

STARTED_AT = 1_700_000_000.0
"UNIX seconds at which every simulated call begins."

PROMPT_S, KEY_S, FETCH_S = 2.0, 0.2, 0.1
"What a prompt, a key and a request take."

RING_S = 5.0
"Until a far end answers, or is found busy."

WAV_HEADER_BYTES = 58

Moment = Literal["speaking", "spoken", "waiting", "fetching", "leaving"]
"""When a caller acts: before a prompt; after the last one; when everything is said and the application waits; while a
web service is asked; when the application hangs up, which the caller may do first. Keys are type-ahead at any moment but
`waiting`, and nothing while `leaving`."""


Ended = Literal["key", "silence", "maximum", "hang up", "stopped", "beep"]
Asked = Fetch | Invoke | Send | SendText
"What a service in the world is asked for."


@dataclass(frozen=True, slots=True)
class Message:
    """What the caller leaves after a beep."""

    seconds: float
    "0: not a word."

    key: str = ""
    "Ends it; empty: silence does."

    hangs_up: bool = False
    beeps: bool = False
    "A beep of theirs ends it, where that was asked for."


@dataclass(frozen=True, slots=True)
class Said:
    """What the caller says to a `Collect` that listens."""

    words: str
    confidence: float = 1.0
    "How sure the recogniser is of them."

    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class FarEnd:
    """What becomes of a transfer."""

    outcome: Literal["answers", "noanswer", "busy", "error"]
    seconds: float = 0.0
    "Until somebody hangs up, from the answer."

    reason: str = ""
    caller_hangs_up: bool = False


class Caller(Protocol):
    """The other end of a simulated call: hears, presses keys, and answers in place of web services."""

    def hears(self, prompt: Prompt) -> None:
        """The prompt is said to its end. Prompts that keys have cut off or made needless are not heard."""

    def acts(self, moment: Moment, *, speech: bool) -> str | Said | None:
        """The keys pressed now, "" for none, None to hang up. None at all while `waiting` is silence to the time-out.

        Something said is an answer only where `speech` is heard.
        """

    def records(self, asked: Record) -> Message:
        """What the caller says after the beep."""

    def transfers(self, asked: Transfer) -> FarEnd:
        """What the far end of a transfer does."""

    def serves(self, request: Asked) -> Fetched | FetchFailed:
        """How the service answers; the simulation fills in the time. A body that is JSON is an operation's result."""

    def loads(self, asked: Load) -> Loaded | LoadFailed:
        """Another application."""

    def left(self) -> None:
        """The application has hung up."""

    def found(self, answer: Event) -> CalleeType | None:
        """Who has answered, where that was found out before this answer."""


class Simulation:
    """One simulated call."""

    def __init__(self, run: Run, caller: Caller, *, hang_up_at: int | None = None) -> None:
        self._run = run
        self._caller = caller
        self._hang_up_at = hang_up_at
        self._typed = ""
        self._gone = False
        self._recordings = count(1)
        self._scripts = Scripts()
        self.now = STARTED_AT
        self.commands = 0
        "Commands performed so far."

    def run(self) -> Outcome:
        """Drive the program to its end. `hang_up_at` = n: the caller hangs up during the n-th command, from 0."""
        command = self._run.start(Started(self.now))
        while command is not None:
            answer = self._perform(command)
            if (found := self._caller.found(answer)) is not None:
                self._run.send(CalleeFound(self.now, found))
            command = self._run.send(answer)
        assert self._run.outcome is not None
        return self._run.outcome

    def _perform(self, command: Command) -> Event:
        hangs_up = self.commands == self._hang_up_at
        self.commands += 1
        if isinstance(command, WorldCommand):
            self._gone = self._gone or hangs_up
            return self._world(command)
        if isinstance(command, SetRecording) and not command.on and command.name:
            # What was recorded is there whether or not the caller is; who hangs up now is found gone by the next command.
            self._hang_up_at = self.commands if hangs_up else self._hang_up_at
            return self._recorded(PROMPT_S, "stopped", "")
        assert not self._gone, "after a hang-up no command for the caller leaves a program"
        if hangs_up:
            return self._hung_up()
        match command:
            case Play():
                return self._play(command)
            case Collect():
                return self._collect(command)
            case Record():
                return self._record(command)
            case Transfer():
                return self._transfer(command)
            case SetRecording():
                return Done(self.now)
            case Disconnect():
                if self._caller.acts("leaving", speech=False) is None:
                    return self._hung_up()
                self._gone = True
                self._caller.left()
                return HungUp(self.now, by="application")

    def _world(self, command: WorldCommand) -> Event:
        match command:
            case Log():
                return Done(self.now, caller_gone=self._gone)
            case Load():
                return replace(self._caller.loads(command), now=self.now, caller_gone=self._gone)
            case Evaluate():
                return replace(evaluated(command, self._scripts), now=self.now, caller_gone=self._gone)
            case Fetch() | Invoke() | Send() | SendText():
                return self._ask_service(command)

    def _play(self, command: Play) -> Event:
        for prompt in command.prompts:
            if not self._listen():
                return self._hung_up()
            if self._typed and prompt.barge_in:
                return Played(self.now, interrupted=True)
            self._hear(prompt)
        return Played(self.now) if self._listen("spoken") else self._hung_up()

    def _collect(self, command: Collect) -> Event:
        # What comes first and cannot be cut off is heard whatever was typed ahead.
        first = list(takewhile(lambda prompt: not prompt.barge_in, command.prompts))
        for prompt in first:
            if not self._listen():
                return self._hung_up()
            self._hear(prompt)
        rest = command.prompts[len(first) :]
        act = self._caller.acts("speaking", speech=command.speech and not self._typed) if rest else ""
        if act is None:
            return self._hung_up()
        if isinstance(act, str):
            self._typed += act
        collector = Collector(
            command.grammars,
            command.timers,
            self._typed,
            self.now,
            speech=command.speech,
            language=command.language,
            nbest_max=command.nbest_max,
            confidence_min=command.confidence_min,
        )
        self._typed = ""
        if isinstance(act, Said):
            self._say(collector, act)
        if not self._ask(collector, rest):
            return self._hung_up()
        if collector.result is None:
            assert collector.deadline is not None
            self.now = collector.deadline
            collector.tick(self.now)
        result = collector.result
        assert result is not None
        self._typed = collector.left_over
        if not isinstance(result, NoInput) and result.mode == "voice" and not command.private:
            return replace(result, recording=self._new_recording())
        return result

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
        act = self._caller.acts(moment, speech=collector.listening)
        if isinstance(act, Said):
            self._say(collector, act)
            return True
        for key in act or "":
            self.now += KEY_S
            collector.key(key, self.now)
        return act is not None

    def _introduce(self, prompts: tuple[Prompt, ...]) -> HungUp | None:
        """Say what comes before a message or a transfer. Keys cut it short, and count for nothing more."""
        for prompt in prompts:
            if not self._listen():
                return self._hung_up()
            if self._typed and prompt.barge_in:
                break
            self._hear(prompt)
        self._typed = ""
        return None

    def _say(self, collector: Collector, said: Said) -> None:
        collector.speech_started(self.now)
        self.now += said.seconds
        collector.speech_ended(self.now)
        words = words_of(said.words)
        collector.heard((Heard(words, said.confidence),) if words else (), self.now)

    def _record(self, command: Record) -> Event:
        if gone := self._introduce(command.prompts):
            return gone
        message = self._caller.records(command)
        ended: Ended = "key" if message.key else "silence"
        seconds = message.seconds
        if seconds >= command.duration_max_s:
            seconds, ended = command.duration_max_s, "maximum"
        self.now += seconds
        if message.hangs_up:
            self._gone = True
            recorded = self._recorded(seconds, "hang up", "") if seconds else None
            return HungUp(self.now, recorded=recorded)
        if message.beeps and command.ends_at_beep:
            return self._recorded(seconds, "beep", "")
        if not seconds:
            self.now += 0 if message.key else command.silence_initial_s
            return NoInput(self.now)
        self.now += command.silence_final_s if ended == "silence" else 0
        return self._recorded(seconds, ended, message.key if ended == "key" else "")

    def _recorded(self, seconds: float, ended: Ended, key: str) -> Recorded:
        size = WAV_HEADER_BYTES + int(seconds * 8000)
        return Recorded(self.now, self._new_recording(), seconds, ended, key, size)

    def _new_recording(self) -> str:
        return f"recorded:{next(self._recordings):032x}"

    def _transfer(self, command: Transfer) -> Event:
        if gone := self._introduce(command.prompts):
            return gone
        if not self._listen():
            return self._hung_up()
        self._typed = ""
        end = self._caller.transfers(command)
        if end.outcome != "answers":
            self.now += command.connect_timeout_s if end.outcome == "noanswer" else RING_S
            if end.caller_hangs_up:
                self._gone = True
                return HungUp(self.now, transferred_s=0.0)
            return TransferEnded(self.now, end.outcome, reason=end.reason)
        if command.kind != "bridge":
            # The caller's telephone takes it over.
            self.now += RING_S
            self._gone = True
            self._caller.left()
            return HungUp(self.now, by="application", transferred_s=0.0)
        seconds, most = end.seconds, command.duration_max_s
        too_long = bool(most) and seconds >= most
        seconds = most if too_long else seconds
        self.now += RING_S + seconds
        if too_long:
            return TransferEnded(self.now, "maxtime_disconnect", seconds)
        if end.caller_hangs_up:
            self._gone = True
            return HungUp(self.now, transferred_s=seconds)
        return TransferEnded(self.now, "far_end_disconnect", seconds)

    def _ask_service(self, request: Asked) -> Event:
        if not self._gone and not self._listen("fetching"):
            self._gone = True
        self.now += FETCH_S + (request.delay_s if isinstance(request, Fetch | Invoke) else 0)
        answer = replace(self._caller.serves(request), now=self.now, caller_gone=self._gone)
        if isinstance(request, Fetch):
            return answer
        reason = answer.reason if isinstance(answer, FetchFailed) else ""
        if isinstance(answer, Fetched) and answer.status >= 300:
            reason = f"{answer.status} {answer.body}".strip()
        if isinstance(request, Send | SendText):
            failed, done = SendFailed(self.now, reason, self._gone), Sent(self.now, "", self._gone)
            return failed if reason else done
        if reason or not isinstance(answer, Fetched):
            return InvokeFailed(self.now, reason, self._gone)
        return Invoked(self.now, _result(answer.body), self._gone)

    def _listen(self, moment: Moment = "speaking") -> bool:
        """Take the keys that the caller presses ahead; False for a hang-up."""
        keys = self._caller.acts(moment, speech=False)
        assert not isinstance(keys, Said), "nobody listens here"
        self._typed += keys or ""
        return keys is not None

    def _hear(self, prompt: Prompt) -> None:
        self._caller.hears(prompt)
        self.now += PROMPT_S

    def _hung_up(self) -> HungUp:
        self._gone = True
        return HungUp(self.now)


def evaluated(command: Evaluate, scripts: Scripts) -> Evaluated | EvaluationFailed:
    """Runs the script here and now, after those of the session that have run."""
    try:
        result = scripts.run(
            script_of(command), path=command.realm, libraries=command.libraries, time_zone=command.time_zone
        )
    except ScriptError as error:
        return EvaluationFailed(command.now, error.message)
    return Evaluated(command.now, result.value, tuple(result.changes.items()))


def _result(body: str) -> Value:
    """What an operation answers: JSON, or the text as it is."""
    try:
        return json_text.loads(body or "null")
    except ValueError:
        return body
