"""Speech to text."""

from dataclasses import dataclass
from typing import Protocol

from callwright.grammar.grammars import Grammar
from callwright.grammar.input import Heard


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something that a caller said, and what it may have been."""

    audio: bytes
    "µ-law, 8000 Hz, mono, with a little silence before and behind."

    grammars: tuple[Grammar, ...]
    language: str = "en-US"
    nbest_max: int = 1
    private: bool = False
    "Never kept, never logged."


class Recognizer(Protocol):
    """Hears words. What they mean is the grammars' to say (`grammar.words`)."""

    def knows(self, language: str) -> bool:
        """Whether it can be asked in that language at all."""
        ...

    async def recognize(self, utterance: Utterance) -> tuple[Heard, ...]:
        """What may have been said, the likeliest first; none where it is nothing of the grammars. Raises `ProviderError`."""
        ...


class Transcriber(Protocol):
    """Writes down what was said, of any words."""

    def knows(self, language: str) -> bool: ...

    async def transcribe(self, audio: bytes, language: str) -> str:
        """Of µ-law (8000 Hz, mono): words without punctuation; empty where there are none. Raises `ProviderError`,
        retryable where others are being served."""
        ...
