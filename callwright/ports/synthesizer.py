"""Text to speech."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """One stretch of text in one voice."""

    text: str
    language: str = "en-US"
    private: bool = False
    "Never cached on disk, never logged."


class Synthesizer(Protocol):
    async def synthesize(self, request: SpeechRequest) -> bytes:
        """µ-law samples, 8000 Hz, mono. Raises `ProviderError`."""
        ...
