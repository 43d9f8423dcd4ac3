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

NBEST_MAX = 5
"As VoiceXML platforms of the kind that is left for this one have it."


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

    speech: bool = False
    "The caller may also say it. Keys count always."

    language: str = "en-US"
    "That the caller speaks."

    nbest_max: int = NBEST_MAX
    "Readings of what was said."

    confidence_min: float = 0.0
    "Of speech: what is less likely is not understood."

    type: Literal["collect"] = "collect"


@dataclass(frozen=True, slots=True)
class Record:
    """Say prompts, then keep what the caller says. Answered by `Recorded`, `NoInput` or `HungUp`."""

    prompts: tuple[Prompt, ...]
    beep: bool = True
    duration_max_s: float = 300.0
    silence_initial_s: float = 5.0
    "Nothing said for so long after the beep: `NoInput`."

    silence_final_s: float = 3.0
    "Silence after speech for so long ends it, and is cut off."

    terminators: str = "0123456789*#ABCD"
    "Keys that end it."

    ends_at_beep: bool = False
    "So does a beep of the far end, such as an answering machine's: it is an answer even where nothing was said before."

    private: bool = False
    type: Literal["record"] = "record"


TransferKind = Literal["bridge", "blind", "consultation"]
"""`bridge`: we dial the far end and stay between the two. `blind`: the caller's own telephone dials it, and we are out of the
call. `consultation`: we dial, and leave the two to each other once the far end has answered. Where the caller's telephone
cannot (SIP: it takes no REFER), both are a bridge."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Dial somebody and join the two. Answered by `TransferEnded` or `HungUp`; by `HungUp(by="application", transferred_s=0)`
    where the two talk without us."""

    destination: str
    "Digits, `+` and digits, or a `sip:` URI; already without `tel:` and parameters."

    prompts: tuple[Prompt, ...] = ()
    caller_id: str = ""
    "Shown to the far end; empty: the caller's own."

    keys_after: str = ""
    "Pressed once the far end has answered."

    connect_timeout_s: float = 30.0
    duration_max_s: float = 0.0
    "0: no limit but the call's."

    hold: Prompt | None = None
    "Played again and again until the far end answers."

    headers: tuple[tuple[str, str], ...] = ()
    "Of the INVITE: `User-to-User` and names that begin with `x-`."

    private: bool = False
    kind: TransferKind = "bridge"
    type: Literal["transfer"] = "transfer"


@dataclass(frozen=True, slots=True)
class SetRecording:
    """Start or stop recording both sides of the call. Answered by `Done`, `Recorded` (a recording with a name has ended) or
    `HungUp`. A recording with a name can also be stopped when the caller has gone.
    """

    on: bool
    name: str = ""
    "Kept under this name as a recording of the program's own; empty: the call's recording, which stays with its log."

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

    fields: tuple[tuple[str, str], ...] = ()
    "A form in place of `body`; a value that names a recording (`recorded:…`) goes as a file."

    hold: Prompt | None = None
    "Played again and again while the caller waits."

    delay_s: float = 0.0
    "Wait so long before it is sent: another try."

    type: Literal["fetch"] = "fetch"


@dataclass(frozen=True, slots=True)
class Invoke:
    """One operation of an integration. Answered by `Invoked` or `InvokeFailed`.

    Arguments of `soap`: the URL of the `wsdl`, the `version`, and the operation's `parameters`, an object.
    """

    integration: str
    operation: str
    arguments: tuple[tuple[str, Value], ...] = ()
    timeout_s: float = 10.0
    private: bool = False
    hold: Prompt | None = None
    delay_s: float = 0.0
    type: Literal["invoke"] = "invoke"


@dataclass(frozen=True, slots=True)
class Send:
    """An e-mail. Answered by `Sent` once the mail server has taken it, or `SendFailed`."""

    to: tuple[str, ...]
    subject: str
    body: str
    reply_to: str = ""
    attachments: tuple[tuple[str, str], ...] = ()
    "(file name, name of a recording)."

    private: bool = False
    type: Literal["send"] = "send"


@dataclass(frozen=True, slots=True)
class SendText:
    """A text message. Answered by `Sent` once it is queued for its carrier, or `SendFailed`."""

    sender: str
    "A number of the account's that sends texts, however it is written."

    to: str
    body: str
    timeout_s: float = 10.0
    private: bool = False
    "Neither the text nor its numbers appear in the journal, and the text is kept sealed until its carrier has it."

    hold: Prompt | None = None
    type: Literal["send_text"] = "send_text"


@dataclass(frozen=True, slots=True)
class Evaluate:
    """JavaScript. Answered by `Evaluated` or `EvaluationFailed`, which has left nothing behind."""

    script: str
    scope: tuple[tuple[str, Value], ...]
    "Variables of the application by root."

    libraries: tuple[tuple[str, str], ...] = ()
    "Names and sources. They are evaluated before the first script of a realm, and stay in it."

    realm: tuple[int, ...] = ()
    "Whose functions and objects are there: each entry into an application has its own (`session.run.Realm`)."

    time_zone: str = "UTC"
    now: float = 0.0
    "UNIX seconds: what the script's clock says."

    seed: int = 0
    "Of its random numbers, 32 bits."

    private: bool = False
    type: Literal["evaluate"] = "evaluate"


@dataclass(frozen=True, slots=True)
class Load:
    """Another application of the account. Answered by `Loaded` or `LoadFailed`."""

    application: str
    "Its name, or its id."

    version: int | None = None
    "None: the latest published one."

    private: bool = False
    "Which application it is appears nowhere."

    type: Literal["load"] = "load"


@dataclass(frozen=True, slots=True)
class Log:
    """A line for the call's log. Answered by `Done`."""

    line: str
    level: Literal["info", "event", "debug", "error"] = "info"
    data: tuple[tuple[str, Value], ...] = ()
    type: Literal["log"] = "log"


CallerCommand = Play | Collect | Record | Transfer | SetRecording | Disconnect
WorldCommand = Fetch | Invoke | Send | SendText | Evaluate | Load | Log
Command = CallerCommand | WorldCommand
