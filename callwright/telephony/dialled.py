"""What comes of a leg that we dialled, and who waits for it."""

from dataclasses import dataclass
from typing import Protocol, TypeVar

Dialled = TypeVar("Dialled", contravariant=True)


@dataclass(frozen=True, slots=True)
class NotAnswered:
    """How a leg that we dialled came to nothing."""

    status: int
    "The final SIP status; 408 where none came."

    reason: str
    heard: bool = True
    "The peer said something; where it did not, it is not there."


class Waits(Protocol[Dialled]):
    """Whoever waits for a far end to answer (`early_media`)."""

    def rings(self, far_end: Dialled, description: str) -> None:
        """It says that it rings, or describes its early media."""

    def hears(self, far_end: Dialled) -> None:
        """Its first packet came before its answer."""
