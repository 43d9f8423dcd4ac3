"""How a command is answered. Events are data, and time is part of the answer: each carries `now`.

`now` is UNIX seconds when the answer was given: the only clock a program has.
`caller_gone` is set on the answer to a world-facing command during which the caller hung up.
Two kinds are no answers: `Started`, and `CalleeFound`, a fact that is told while a command goes on waiting.
"""

from dataclasses import dataclass
from typing import Literal

from callwright.base.callee_types import CalleeType
from callwright.base.values import Value
from callwright.grammar.input import Match, NoInput, NoMatch


@dataclass(frozen=True, slots=True)
class Started:
    """Not an answer: what `Run.start` is given, the clock at the beginning."""

    now: float
    text: str = ""
    "By which somebody began a conversation by text."

    type: Literal["started"] = "started"


@dataclass(frozen=True, slots=True)
class CalleeFound:
    """Not an answer: who has answered was found out meanwhile. `session.connection.callee_type` says so from here on."""

    now: float
    callee_type: CalleeType
    cause: str = ""
    "For the log, e.g. `a greeting of 2.1 s and more`."

    type: Literal["callee_found"] = "callee_found"


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
class Recorded:
    """What the caller said."""

    now: float
    audio: str
    "`recorded:<32 hex digits>`: where the samples lie until the call's end (WAV, µ-law, 8000 Hz, mono)."

    duration_s: float
    "From the beep to the end, the final silence cut off."

    terminated_by: Literal["key", "silence", "maximum", "hang up", "stopped", "beep"]
    "`stopped`: a recording that the program itself had begun (`SetRecording`). `beep`: the far end's, as `Record` asked."

    key: str = ""
    size: int = 0
    "Bytes of the WAV file."

    type: Literal["recorded"] = "recorded"


@dataclass(frozen=True, slots=True)
class TransferEnded:
    """The far end is no longer there, or never was; the caller is."""

    now: float
    outcome: Literal["noanswer", "busy", "far_end_disconnect", "maxtime_disconnect", "error"]
    duration_s: float = 0.0
    "From the far end's answer."

    reason: str = ""
    "For the log, e.g. `486 Busy Here`."

    type: Literal["transfer_ended"] = "transfer_ended"


@dataclass(frozen=True, slots=True)
class HungUp:
    """The call is over. Answers a caller-facing command."""

    now: float
    by: Literal["caller", "application", "platform"] = "caller"
    "`caller`: the far end or the network; `platform`: a limit of ours, or the engine stopping."

    recorded: Recorded | None = None
    "What a `Record` had so far."

    transferred_s: float | None = None
    "Of a `Transfer`: seconds since the far end answered, 0 while it rang; None where it had not begun."

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


@dataclass(frozen=True, slots=True)
class Invoked:
    """The operation's result, as JSON."""

    now: float
    result: Value
    caller_gone: bool = False
    type: Literal["invoked"] = "invoked"


@dataclass(frozen=True, slots=True)
class InvokeFailed:
    """`reason` is for the author to read."""

    now: float
    reason: str
    caller_gone: bool = False
    type: Literal["invoke_failed"] = "invoke_failed"


@dataclass(frozen=True, slots=True)
class Sent:
    """The message is on its way."""

    now: float
    id: str = ""
    "Of an e-mail its Message-ID; of a text the `sms_message_id` of its first part."

    caller_gone: bool = False
    type: Literal["sent"] = "sent"


@dataclass(frozen=True, slots=True)
class SendFailed:
    """`reason` is for the author to read."""

    now: float
    reason: str
    caller_gone: bool = False
    type: Literal["send_failed"] = "send_failed"


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What the script came to."""

    now: float
    value: Value
    changes: tuple[tuple[str, Value], ...] = ()
    "Variables of the application that it has set, by root."

    caller_gone: bool = False
    type: Literal["evaluated"] = "evaluated"


@dataclass(frozen=True, slots=True)
class EvaluationFailed:
    """The script threw, or reached a limit: `ReferenceError: d is not defined line 1`."""

    now: float
    reason: str
    caller_gone: bool = False
    type: Literal["evaluation_failed"] = "evaluation_failed"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The document of a published version. It is immutable, so the journal need not hold it to be replayed."""

    now: float
    application: str
    version: int
    document: Value
    caller_gone: bool = False
    type: Literal["loaded"] = "loaded"


@dataclass(frozen=True, slots=True)
class LoadFailed:
    """There is no such application, or none that is published."""

    now: float
    reason: str
    caller_gone: bool = False
    type: Literal["load_failed"] = "load_failed"


Event = (
    Started | CalleeFound | Played | Match | NoMatch | NoInput | Recorded | TransferEnded | Done | HungUp | Fetched | FetchFailed
    | Invoked | InvokeFailed | Sent | SendFailed | Evaluated | EvaluationFailed | Loaded | LoadFailed
)  # fmt: skip

__all__ = [
    "CalleeFound", "Done", "Evaluated", "EvaluationFailed", "Event", "FetchFailed", "Fetched", "HungUp", "InvokeFailed", "Invoked",
    "LoadFailed", "Loaded", "Match", "NoInput", "NoMatch", "Played", "Recorded", "SendFailed", "Sent", "Started", "TransferEnded",
]  # fmt: skip
