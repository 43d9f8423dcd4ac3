"""What a program asks. Commands are data: a driver performs them and answers each with one event.

Caller-facing commands (`CallerCommand`) are performed on a leg and may be answered by `HungUp`.
World-facing commands (`WorldCommand`) need no caller and are performed to their end even when
the caller has gone.
"""

from dataclasses import dataclass
from typing import Literal

from callwright.base.values import Value
from callwright.grammar.grammars import Grammar
from callwright.grammar.input import Timers
from callwright.session.prompts import Prompt


@dataclass(frozen=True, slots=True)
class Play:
    """Say prompts. Answered by `Played` or `HungUp`.

    Keys that stop a prompt are kept as type-ahead for the next `Collect`.
    """

    prompts: tuple[Prompt, ...]
    type: Literal["play"] = "play"


@dataclass(frozen=True, slots=True)
class Collect:
    """Say prompts and take input. Answered by `Match`, `NoMatch`, `NoInput` or `HungUp`."""

    prompts: tuple[Prompt, ...]
    grammars: tuple[Grammar, ...]
    "In order of preference; the first that accepts the whole input wins."

    timers: Timers = Timers()  # noqa: RUF009 - frozen
    private: bool = False
    "What the caller enters appears nowhere: not in the journal, a log or a transcript."

    type: Literal["collect"] = "collect"


@dataclass(frozen=True, slots=True)
class SetRecording:
    """Start or stop recording both sides of the call. Answered by `Done` or `HungUp`."""

    on: bool
    type: Literal["set_recording"] = "set_recording"


@dataclass(frozen=True, slots=True)
class Disconnect:
    """End the call. Answered by `HungUp(by="application")`."""

    type: Literal["disconnect"] = "disconnect"


@dataclass(frozen=True, slots=True)
class Fetch:
    """One HTTP request. Answered by `Fetched` (any status) or `FetchFailed`."""

    method: Literal["GET", "POST", "PUT", "DELETE"]
    url: str
    body: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    timeout_s: float = 10.0
    private: bool = False
    "URL query, headers and both bodies appear nowhere."

    type: Literal["fetch"] = "fetch"


@dataclass(frozen=True, slots=True)
class Log:
    """A line for the call's log. Answered by `Done`."""

    line: str
    level: Literal["info", "event", "debug", "error"] = "info"
    data: tuple[tuple[str, Value], ...] = ()
    type: Literal["log"] = "log"


CallerCommand = Play | Collect | SetRecording | Disconnect
WorldCommand = Fetch | Log
Command = CallerCommand | WorldCommand
