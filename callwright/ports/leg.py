"""One party's signalling and media, as the voice layer and the dialer see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from callwright.base.callee_types import CalleeType

Frames = tuple[bytes, ...]
"Prepared audio: 20 ms frames of 160 µ-law bytes each (8000 Hz, mono), shared by all calls and never changed."


Slot = Literal["call", "own", "message"]
"""Recordings that can go on at once: of the call for its log, and of the program's own (both stereo WAV, left the far
end, right what it hears); a message (mono WAV, the far end alone)."""

SLOTS: tuple[Slot, ...] = get_args(Slot)


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
    """The far end's audio rose above silence (after `listen`), or somebody began to speak (after `hear`)."""

    mark: int = 0
    "That `hear` was given."


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The far end has been silent for the time given to `listen` or `hear`."""

    mark: int = 0
    audio: bytes = b""
    "Of `hear`: what was said (µ-law, 8000 Hz, mono), with a little of the quiet around it; at most 30 s."

    too_long: bool = False
    "It went on past that, and was cut off."


@dataclass(frozen=True, slots=True)
class LegEnded:
    """The leg is over; nothing follows. Told exactly once."""

    by: Literal["remote", "local", "failure"]
    reason: str = ""
    "For the log, e.g. `BYE`, `488 Not Acceptable Here`, `no RTP`."


@dataclass(frozen=True, slots=True)
class NotReached:
    """A far end that was dialled and did not come to the telephone."""

    outcome: Literal["noanswer", "busy", "error"]
    reason: str = ""
    "For the log, e.g. `486 Busy Here`."

    status: int = 0
    "SIP's; 0 where nobody could be asked."


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The caller talks to the far end of a transfer without us; the caller's leg is over."""


@dataclass(frozen=True, slots=True)
class Beeped:
    """The far end has beeped, and the beep is over (after `listen` for beeps)."""


@dataclass(frozen=True, slots=True)
class Callee:
    """Who was found to have answered."""

    type: CalleeType
    cause: str
    "For the log."

    at: float
    "UNIX seconds."


LegEvent = KeyPressed | PlayEnded | SpeechStarted | SpeechEnded | Beeped | LegEnded


class Leg(Protocol):
    """An answered party. Methods return at once; what comes of them is told as events.

    After `LegEnded` every method does nothing.
    """

    @property
    def ended(self) -> bool:
        """The leg is over; its `LegEnded` may still be waiting."""
        ...

    @property
    def callee(self) -> Callee | None:
        """Who has answered; None until that is found out, and where nobody asked."""
        ...

    async def event(self) -> LegEvent:
        """The next event, in order. At most 1000 wait; past that keys are dropped."""
        ...

    def waiting(self) -> LegEvent | None:
        """The next event if there is one already."""
        ...

    def play(self, frames: Sequence[Frames], mark: int, *, again: bool = False) -> None:
        """Send audio, one frame list after the other, in place of what is playing. `again`: over and over."""
        ...

    def stop_playing(self) -> None: ...

    def send_keys(self, keys: str) -> None:
        """Send keys, 160 ms each, 80 ms apart, as the party takes them: RFC 4733 events, INFO or tones. `,` and `p` wait 1 s."""
        ...

    def start_recording(self, path: str, slot: Slot = "call") -> None:
        """Record into a µ-law WAV at `path`. What goes on in that slot is finished first."""
        ...

    def stop_recording(self, slot: Slot = "call", cut_s: float = 0.0) -> None:
        """`cut_s` seconds of its end are taken off."""
        ...

    def mute_recordings(self, on: bool) -> None:
        """What is said meanwhile is silence in the recordings, but for a message."""
        ...

    async def recorded(self, path: str, timeout_s: float) -> str:
        """Wait until the recording at `path` is complete on disk. What is wrong with it, or an empty string."""
        ...

    def bridge(self, other: "Leg | None") -> None:
        """Each hears the other, but not the keys; None parts them. Both legs are of one media plane."""
        ...

    def listen(self, silence_s: float, *, beeps: bool = False) -> None:
        """Tell `SpeechStarted` and `SpeechEnded` from now on, of any sound, and `Beeped` where beeps are asked for. 0 stops it."""
        ...

    def hear(self, silence_s: float, mark: int) -> None:
        """Wait for one utterance: `SpeechStarted(mark)`, then `SpeechEnded(mark, audio)`. 0 stops it.

        Noise of the line and our own voice coming back are none.
        """
        ...

    def hang_up(self) -> None: ...
