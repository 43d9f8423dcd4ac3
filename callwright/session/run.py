"""The trampoline: a program asks, and is answered.

`Run` drives a coroutine that asyncio never sees. Every `await` in a program ends here as one command; whoever
drives the call performs it and sends its event in. So this is the one place that every command and every event
passes, and what must hold for all of them is done here and nowhere else: the journal, redaction, limits, and
the hang-up.

A hang-up is the event `HungUp`, or `caller_gone` on the answer to a world-facing command. From then on no
caller-facing command leaves the program: each raises `CallerHungUp` where it is awaited. World-facing commands
are still performed, so a program may finish what it began; so is the end of a recording of its own.
"""

import traceback
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from callwright.base.errors import AuthorError
from callwright.base.values import Value
from callwright.script.variables import Path, Variables
from callwright.session.commands import (
    CallerCommand,
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
    Match,
    NoInput,
    NoMatch,
    Played,
    Recorded,
    SendFailed,
    Sent,
    Started,
    TransferEnded,
)
from callwright.session.prompts import Prompt, Speech
from callwright.session.redaction import PRIVATE, Redactor

EPILOGUE_STEPS = 20
EPILOGUE_S = 240.0
"""What a program's epilogue may use, whatever was left when the program ended: three requests of a minute each and the
pauses between them."""

DISCONNECTS_MAX = 20
"How often a program may ask a caller who has gone."

APOLOGY = "We are sorry. An error has occurred. Goodbye."


class CallerHungUp(Exception):
    """The caller has gone. Raised in the program at a caller-facing await.

    `event` is the hang-up with what was in progress: the recording so far, the transfer's duration. None where the
    caller had gone before anything was asked.
    """

    def __init__(self, event: HungUp | None = None) -> None:
        super().__init__("the caller has hung up")
        self.event = event


class LimitReached(Exception):
    """A limit of the run was reached; its text says which. Ends the program like a hang-up of ours."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use."""

    steps: int = 10_000
    "Commands in all: the end of a loop without input."

    seconds: float = 4 * 3600.0
    "From the start to any event."


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What a program knows of its call: the variables `session.*` (docs/compatibility/fuse-variables.md)."""

    id: str = "000000;000;0"
    ani: str = ""
    dnis: str = ""
    application: str = ""
    direction: Literal["inbound", "outbound"] = "inbound"
    sip_headers: tuple[tuple[str, str], ...] = ()
    "Of the INVITE that began it, names in lower case (RFC 5552 §2.4)."

    text: str = ""
    "By which somebody began a conversation by text."

    def variables(self) -> dict[str, Value]:
        connection: dict[str, Value] = {"ani": self.ani, "dnis": self.dnis}
        if self.sip_headers:
            connection["protocol"] = {"sip": {"headers": dict[str, Value](self.sip_headers)}}
        if self.direction == "outbound":
            # Until `CalleeFound` is told.
            connection["callee_type"] = "processing"
        began: dict[str, Value] = {"text": self.text} if self.text else {}
        return {"id": self.id, "name": self.application, "connection": connection, **began}


@dataclass(frozen=True, slots=True)
class ModuleRef:
    """Which module asked."""

    page: str
    name: str
    "Also the name of its result variable."

    type: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal: a command or an event, as it may be shown to anybody."""

    at: float
    module: ModuleRef | None
    item: Command | Event


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    kind: Literal["exit", "hung_up", "limit", "error"]
    message: str = ""
    "For the log: the limit reached, the error and its traceback."


class _Ask:
    """Awaiting this hands one command to the driver."""

    __slots__ = ("command",)

    def __init__(self, command: Command) -> None:
        self.command = command

    def __await__(self) -> Generator["_Ask", Event, Event]:
        event = yield self
        return event


@dataclass(slots=True)
class Realm:
    """Where the scripts of one application run in a session: they share libraries and what those have kept."""

    path: tuple[int, ...] = ()
    "Which entry into an application this is, inside which: () for the application that the session began in."

    private: bool = False
    "A script was given something private, and may have kept it: whatever scripts give from then on is private."

    entered: int = 0
    "Applications that were gone into from here."

    def inner(self) -> "Realm":
        """That of an application which this one goes into now."""
        self.entered += 1
        return Realm((*self.path, self.entered))


class Call:
    """What a program holds of its call. Its methods ask, and are answered; nothing here does I/O."""

    def __init__(self, session: SessionInfo, variables: Mapping[str, Value]) -> None:
        self.session = session
        self.variables = Variables(variables)
        self.variables.values["session"] = session.variables()
        self.module: ModuleRef | None = None
        "The module that runs now, for the journal."

        self.now = 0.0
        "UNIX seconds at the last event."

        self.callee_type = ""
        "Who has answered, once that was found out."

        self.caller_gone = False
        self.asked_in_vain = 0
        self.disconnected = False
        "The program has hung up."

        self.language = "en-US"
        "What prompts are spoken in, from here on."

        self.realm = Realm()
        "Of the application that runs now."

        self.enter: Enter | None = None
        "Goes into another application and comes back with its variables; set by whoever walks applications."

        self.unfinished: tuple[str, bool] | None = None
        "The program's own recording that goes on: its name, and whether it is private."

        self.begins_at: tuple[str, int] | None = None
        "The module at which a program goes on that was put away (`session.checkpoint`), and how many it had run before."

        self.on_module: Callable[[str, int], None] | None = None
        "Told before each module, but for those of applications inside: its name, and how many were run before."

        self.epilogue: Program | None = None
        "Runs after the program's end, however it ended: for world-facing commands, and to end a recording."

    def show_callee(self) -> None:
        """Let the variables say who has answered, where that was found out."""
        session = self.variables.values.get("session")
        connection = session.get("connection") if isinstance(session, dict) else None
        if self.callee_type and isinstance(connection, dict):
            connection["callee_type"] = self.callee_type

    async def play(self, *prompts: Prompt) -> Played:
        event = await self._caller(Play(prompts))
        assert isinstance(event, Played)
        return event

    async def collect(self, command: Collect) -> Match | NoMatch | NoInput:
        event = await self._caller(command)
        assert isinstance(event, Match | NoMatch | NoInput)
        return event

    async def record(self, command: Record) -> Recorded | NoInput:
        """Raises `CallerHungUp` with the message so far in its event."""
        event = await self._caller(command)
        assert isinstance(event, Recorded | NoInput)
        return event

    async def transfer(self, command: Transfer) -> TransferEnded:
        """Raises `CallerHungUp` with the transfer's duration in its event."""
        event = await self._caller(command)
        assert isinstance(event, TransferEnded)
        return event

    async def set_recording(self, on: bool, name: str = "") -> Done | Recorded:
        """`Recorded` where this ends a recording that has a name; that can also be done when the caller has gone."""
        command = SetRecording(on, name)
        event = await (self._caller(command) if on or not name else _Ask(command))
        assert isinstance(event, Done | Recorded)
        return event

    async def disconnect(self) -> None:
        """Hang up. Returns normally: the caller has gone because the program said so."""
        if not self.caller_gone:
            await _Ask(Disconnect())
            self.disconnected = True

    async def fetch(self, command: Fetch) -> Fetched | FetchFailed:
        event = await _Ask(command)
        assert isinstance(event, Fetched | FetchFailed)
        return event

    async def invoke(self, command: Invoke) -> Invoked | InvokeFailed:
        event = await _Ask(command)
        assert isinstance(event, Invoked | InvokeFailed)
        return event

    async def mail(self, command: Send) -> Sent | SendFailed:
        event = await _Ask(command)
        assert isinstance(event, Sent | SendFailed)
        return event

    async def text(self, command: SendText) -> Sent | SendFailed:
        event = await _Ask(command)
        assert isinstance(event, Sent | SendFailed)
        return event

    async def evaluate(self, command: Evaluate) -> Evaluated | EvaluationFailed:
        event = await _Ask(command)
        assert isinstance(event, Evaluated | EvaluationFailed)
        return event

    async def load(self, command: Load) -> Loaded | LoadFailed:
        event = await _Ask(command)
        assert isinstance(event, Loaded | LoadFailed)
        return event

    async def log(
        self,
        line: str,
        level: Literal["info", "event", "debug", "error"] = "info",
        data: Mapping[str, Value] | None = None,
    ) -> None:
        event = await _Ask(Log(line, level, tuple((data or {}).items())))
        assert isinstance(event, Done)

    async def _caller(self, command: CallerCommand) -> Event:
        if self.caller_gone:
            # Nothing is asked, so no step is counted: a program that goes on and on would never come back.
            self.asked_in_vain += 1
            if self.asked_in_vain > DISCONNECTS_MAX:
                raise LimitReached("Max Disconnect Count Exceeded")
            raise CallerHungUp
        event = await _Ask(command)
        if isinstance(event, HungUp):
            raise CallerHungUp(event)
        return event


Program = Callable[[Call], Coroutine[Any, Any, None]]
Enter = Callable[[Call, Loaded, Sequence[tuple[Path, Value, bool]]], Coroutine[Any, Any, Variables]]
"The application, and the variables that it gets: path, value, private."


def _no_journal(_: Entry) -> None: ...


class Run:
    """One program while it runs. `start`, then `send` an event for each command, until there is none."""

    def __init__(
        self,
        program: Program,
        *,
        session: SessionInfo,
        variables: Mapping[str, Value],
        limits: Limits = Limits(),
        journal: Callable[[Entry], None] = _no_journal,
    ) -> None:
        self.call = Call(session, variables)
        self.journal = journal
        self.started_at = 0.0
        self.outcome: Outcome | None = None
        self._coroutine = program(self.call)
        self._limits = limits
        self._redactor = Redactor()
        self._steps = 0
        self.asked: Command | None = None
        "What was asked last."

        self._ending: Outcome | None = None

    def start(self, event: Started) -> Command | None:
        """The program's first command; None when it ends without one."""
        assert self.asked is None and self.outcome is None, "a run starts once"
        self.call.now = self.started_at = event.now
        self._record(event)
        return self._resume(None)

    def send(self, event: Event) -> Command | None:
        """Answer the last command. The next one; None when the program has ended (`outcome` says how).

        `CalleeFound` answers nothing: the same command goes on waiting.
        """
        assert self.outcome is None and self.asked is not None, "nothing was asked"
        call = self.call
        call.now = event.now
        if isinstance(event, CalleeFound):
            call.callee_type = event.callee_type
            call.show_callee()
            self._record(event)
            return self.asked
        if isinstance(event, HungUp) or getattr(event, "caller_gone", False):
            call.caller_gone = True
        self._record(event)
        return self._resume(event)

    def refuse(self, error: AuthorError) -> Command | None:
        """The last command cannot be performed, which is its author's mistake: the program is told so in place of an answer."""
        assert self.outcome is None and self.asked is not None, "nothing was asked"
        return self._resume(None, error)

    def _resume(self, event: Event | None, error: AuthorError | None = None) -> Command | None:
        try:
            if self._over_limit():
                self._stop()
            return self._take(self._coroutine.send(event) if error is None else self._coroutine.throw(error))
        except StopIteration:
            return self._end(Outcome("exit"))
        except CallerHungUp:
            return self._end(Outcome("hung_up"))
        except LimitReached as reached:
            self._log_error(str(reached))
            return self._last_words(Outcome("limit", str(reached)))
        except AuthorError as error:
            self._log_error(str(error))
            return self._last_words(Outcome("error", str(error)))
        except Exception as error:  # noqa: BLE001 - the containment point of one call: the process lives
            self._log_error(f"Internal error: {type(error).__name__}")
            return self._last_words(Outcome("error", self.told(error)))

    def told(self, error: BaseException) -> str:
        """A mistake of ours with its traceback, for the log. What an exception says may hold a value of the call, so it is
        left out once anything private has passed."""
        if not (self._redactor.seen_private or self.call.variables.private):
            return "".join(traceback.format_exception(error))
        return f"{''.join(traceback.format_tb(error.__traceback__))}{type(error).__name__}: {PRIVATE}"

    def _over_limit(self) -> bool:
        return self.call.now - self.started_at > self._limits.seconds or self._steps >= self._limits.steps

    def _stop(self) -> None:
        # `close` runs the program's clean-up, which may not ask for anything more.
        self._coroutine.close()
        if self._steps >= self._limits.steps:
            raise LimitReached(f"Maximum loop count exceeded: {self._limits.steps} steps")
        raise LimitReached(f"Maximum call duration of {self._limits.seconds:g} s exceeded")

    def _take(self, asked: object) -> Command:
        if type(asked) is not _Ask:
            self._coroutine.close()
            raise TypeError(f"A program awaited {asked!r}, which is not a command")
        command = asked.command
        self._steps += 1
        self.asked = command
        self._redactor.asked(command)
        self._record(command)
        return command

    def _record(self, item: Command | Event) -> None:
        self.journal(Entry(self.call.now, self.call.module, self._redactor.redact(item)))

    def _log_error(self, line: str) -> None:
        self._record(Log(line, "error"))

    def _last_words(self, outcome: Outcome) -> Command | None:
        """Apologise and hang up, as a program of our own in place of the one that failed."""
        self._coroutine.close()
        if self.call.caller_gone:
            return self._end(outcome)
        return self._go_on(_apologise, outcome, steps=10, seconds=60)

    def _end(self, outcome: Outcome) -> Command | None:
        """The program has ended; its epilogue follows where it has one."""
        epilogue, self.call.epilogue = self.call.epilogue, None
        if epilogue is None or not self.call.caller_gone:
            self.outcome = self._ending or outcome
            return None
        return self._go_on(epilogue, outcome, steps=EPILOGUE_STEPS, seconds=EPILOGUE_S)

    def _go_on(self, program: Program, outcome: Outcome, *, steps: int, seconds: float) -> Command | None:
        """Run another program in place of the one that ended. The first outcome is the call's."""
        self._ending = self._ending or outcome
        self._coroutine = program(self.call)
        self._limits = Limits(self._steps + steps, self.call.now - self.started_at + seconds)
        return self._resume(None)


async def _apologise(call: Call) -> None:
    await call.play(Prompt((Speech(APOLOGY),), barge_in=False))
    await call.disconnect()


__all__ = [
    "Call",
    "CallerCommand",
    "CallerHungUp",
    "Entry",
    "LimitReached",
    "Limits",
    "ModuleRef",
    "Outcome",
    "Program",
    "Realm",
    "Run",
    "SessionInfo",
    "WorldCommand",
]
