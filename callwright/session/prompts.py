"""What is to be said to a caller: prompts, in parts, before any engine has turned them into audio."""

import re
from dataclasses import dataclass
from typing import Literal

TONE = "tone:"

SSML = "<speak"
"What begins like this is markup for the synthesizer (SSML 1.1)."

RECORDING = re.compile(r"recorded:([0-9a-f]{32})")
"A recording of the call, as programs name it."


@dataclass(frozen=True, slots=True)
class Speech:
    """Text for the synthesizer, with its variables already filled in."""

    text: str
    private: bool = False
    "The text holds a private value: it is never logged, and its audio is never cached."

    type: Literal["speech"] = "speech"


@dataclass(frozen=True, slots=True)
class Audio:
    """A stored audio file, with what to say where it cannot be read."""

    ref: str
    """Name of the file in the account's audio store, `sha256:<64 hex digits>`; or a recording of the call,
    `recorded:<32 hex digits>`; or a tone, `tone:<name>`."""

    fallback: str = ""
    private: bool = False
    "The fallback holds a private value: it is never logged, and its speech is never cached."

    name: str = ""
    "What it is called in logs and transcripts; empty: as its fallback says, or else its ref."

    type: Literal["audio"] = "audio"


Part = Speech | Audio


@dataclass(frozen=True, slots=True)
class Prompt:
    """Parts said one after the other, without a gap."""

    parts: tuple[Part, ...]
    language: str = "en-US"
    barge_in: bool = True
    "A key (later: speech) stops the prompt; where it is off the caller hears all of it, and keys pressed meanwhile are dropped."
