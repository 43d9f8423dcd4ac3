"""One party's signalling and media, as the voice layer and the dialer see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Frames = tuple[bytes, ...]
"Prepared audio: 20 ms frames of 160 µ-law bytes each (8000 Hz, mono), shared by all calls and never changed."


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """The party pressed a key. Each press is told once."""

    key: str
    "One of `0-9*#ABCD`."


@dataclass(frozen=True, slots=True)
class PlayEnded:
    """What `play(..., mark)` started has ended."""

    mark: int
    interrupted: bool
    "`stop_playing` or another `play` ended it before its last frame."


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The far end's audio rose above silence (only after `listen`)."""


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The far end has been silent for the time given to `listen`."""


@dataclass(frozen=True, slots=True)
class LegEnded:
    """The leg is over; nothing follows. Told exactly once."""

    by: Literal["remote", "local", "failure"]
    reason: str = ""
    "For the log, e.g. `BYE`, `488 Not Acceptable Here`, `no RTP`."


LegEvent = KeyPressed | PlayEnded | SpeechStarted | SpeechEnded | LegEnded


class Leg(Protocol):
    """An answered party. Methods return at once; what comes of them is told as events.

    After `LegEnded` every method does nothing.
    """

    @property
    def ended(self) -> bool:
        """The leg is over; its `LegEnded` may still be waiting."""
        ...

    async def event(self) -> LegEvent:
        """The next event, in order. At most 1000 wait; past that keys are dropped."""
        ...

    def waiting(self) -> LegEvent | None:
        """The next event if there is one already."""
        ...

    def play(self, frames: Sequence[Frames], mark: int) -> None:
        """Send audio, one frame list after the other, in place of what is playing."""
        ...

    def stop_playing(self) -> None: ...

    def send_keys(self, keys: str) -> None:
        """Send RFC 4733 events, 160 ms each, 80 ms apart; `,` and `p` wait 1 s."""
        ...

    def start_recording(self, path: str) -> None:
        """Record both sides to a stereo WAV at `path` (left: the far end, right: what is played)."""
        ...

    def stop_recording(self) -> None: ...

    def listen(self, silence_s: float) -> None:
        """Tell `SpeechStarted` and `SpeechEnded` from now on."""
        ...

    def hang_up(self) -> None: ...
