"""How a collection of input waits, and how it ends. `now` is UNIX seconds when it ended."""

from dataclasses import dataclass
from typing import Literal

Mode = Literal["dtmf", "voice", "text"]
"Pressed, said, or written in a text message."


@dataclass(frozen=True, slots=True)
class Timers:
    """The waits of a `Collect`, in seconds."""

    initial_s: float = 5.0
    "From the end of the prompts to the first key; then `NoInput`."

    final_key_s: float = 1.0
    "From one key to the next; then what was keyed is taken as finished."

    final_speech_s: float = 1.0
    "Silence after words; then they are taken as finished."


@dataclass(frozen=True, slots=True)
class Heard:
    """What a recogniser takes an utterance for."""

    words: tuple[str, ...]
    "As `grammar.words.words_of` writes them."

    confidence: float = 1.0
    "0 to 1."


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to understand what was said."""

    grammar: str
    "The `id` of the grammar that accepts it; empty where none does."

    value: str
    utterance: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Match:
    """The caller's input was accepted by a grammar."""

    now: float
    grammar: str
    "The `id` of the grammar that accepted it."

    value: str
    "What the input means, e.g. the menu choice's value."

    utterance: str
    "What was pressed, said or written."

    mode: Mode = "dtmf"
    confidence: float = 1.0
    "0 to 1; always 1 for what was not said."

    others: tuple[Reading, ...] = ()
    "Of speech: what else it may have been, the likeliest first."

    recording: str = ""
    "Of speech: what was said, `recorded:<32 hex digits>`; empty where it is private."

    type: Literal["match"] = "match"


@dataclass(frozen=True, slots=True)
class NoMatch:
    """There was input, and no grammar accepts it."""

    now: float
    utterance: str
    "What was pressed or written, or what was said as far as it was understood: perhaps nothing."

    mode: Mode = "dtmf"
    confidence: float = 0.0
    others: tuple[Reading, ...] = ()
    recording: str = ""
    type: Literal["no_match"] = "no_match"


@dataclass(frozen=True, slots=True)
class NoInput:
    """Nothing came before the initial timer ran out."""

    now: float
    type: Literal["no_input"] = "no_input"


Result = Match | NoMatch | NoInput
