"""How a command is answered. Events are data, and time is part of the answer: each carries `now`.

`now` is UNIX seconds when the answer was given: the only clock a program has.
`caller_gone` is set on the answer to a world-facing command during which the caller hung up.
"""

from dataclasses import dataclass
from typing import Literal

from callwright.grammar.input import Match, NoInput, NoMatch


@dataclass(frozen=True, slots=True)
class Started:
    """Not an answer: what `Run.start` is given, the clock at the beginning."""

    now: float
    type: Literal["started"] = "started"


@dataclass(frozen=True, slots=True)
class Played:
    """The prompts were said, or a key stopped them."""

    now: float
    interrupted: bool = False
    type: Literal["played"] = "played"


@dataclass(frozen=True, slots=True)
class Done:
    """The command was carried out; there is nothing more to say."""

    now: float
    caller_gone: bool = False
    type: Literal["done"] = "done"


@dataclass(frozen=True, slots=True)
class HungUp:
    """The call is over. Answers a caller-facing command."""

    now: float
    by: Literal["caller", "application", "platform"] = "caller"
    "`caller`: the far end or the network; `platform`: a limit of ours, or the engine stopping."

    type: Literal["hung_up"] = "hung_up"


@dataclass(frozen=True, slots=True)
class Fetched:
    """The server answered, with whatever status."""

    now: float
    status: int
    media_type: str = ""
    body: str = ""
    "Decoded text, at most the limit of the conversation (1 MiB)."

    url: str = ""
    "Where the answer came from, after redirects."

    caller_gone: bool = False
    type: Literal["fetched"] = "fetched"


@dataclass(frozen=True, slots=True)
class FetchFailed:
    """No answer: refused, timed out, too large, not allowed. `reason` is for the author to read."""

    now: float
    reason: str
    caller_gone: bool = False
    type: Literal["fetch_failed"] = "fetch_failed"


Event = Started | Played | Match | NoMatch | NoInput | Done | HungUp | Fetched | FetchFailed

__all__ = [
    "Done", "Event", "FetchFailed", "Fetched", "HungUp", "Match", "NoInput", "NoMatch", "Played", "Started",
]  # fmt: skip
