"""Keys as RTP telephone events (RFC 4733), told by the receiver and paced by the sender.

A key press is one *event*: a handful of packets 20 ms apart that all carry the timestamp at which the key went
down, its duration growing, and at the end three packets with the END bit. The receiver tells a key at the first
packet that it sees of it, so that a prompt stops when the caller presses and not when he lets go. From then on the
event is known by its timestamp, and whatever of it still comes (or never comes: END packets get lost) is not news.
So a lost packet costs nothing while one of the event arrives.

What real peers do besides, and what the receiver makes of it:
- packets in duplicate or out of order, also across two presses: the last presses are remembered;
- a key held for more than 8.19 s, which the RFC cuts into segments with timestamps of their own (§2.5.1.3): no new
  press;
- the timestamp moves on within a press: no new press, since nobody presses the same key twice in 50 ms;
- the timestamp stands still between presses (a sender whose clock runs only while it sends audio): the sequence
  number of a packet without END past that of an END tells the next press."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

KEYS = "0123456789*#ABCD"
"By event code (RFC 4733 §3.2)."

FRAME_SAMPLES = 160
KEY_FRAMES = 8
"160 ms."

GAP_FRAMES = 4
"80 ms between two keys."

PAUSE_FRAMES = 50
"What `,` and `p` wait: 1 s."

END_REPEATS = 3
"The packet with the final duration is sent three times (RFC 4733 §2.5.1.4)."

_END = 0x80
_VOLUME = 10
"-10 dBm0."

_REMEMBERED = 8
"Presses whose packets may still straggle in."

_SAME_PRESS_SAMPLES = 400
"50 ms: nobody presses a key twice within."

_LONG_DURATION = 0xF000
"A segment that may be followed by another of the same press."


class KeyReceiver:
    """Tells each press of a key once."""

    __slots__ = ("_duration", "_ended_sequence", "_event", "_recent", "_timestamp")

    def __init__(self) -> None:
        self._recent: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)
        self._event = -1
        self._timestamp = 0
        self._duration = 0
        self._ended_sequence = -1
        "Of the first END packet of the press in progress; -1 while the key is down."

    def receive(self, payload: bytes, *, sequence: int, timestamp: int, marker: bool) -> str | None:
        """The key that a telephone-event packet tells, or None where it tells nothing new."""
        if len(payload) < 4:
            return None
        event, duration, end = payload[0], int.from_bytes(payload[2:4], "big"), bool(payload[1] & _END)
        if event >= len(KEYS):
            return None
        news = self._is_news(event, timestamp, sequence, marker, end)
        if news:
            self._recent.append((timestamp, event))
            self._ended_sequence = -1
        elif (timestamp, event) != (self._timestamp, self._event):
            return None
        self._event, self._timestamp = event, timestamp
        self._duration = duration
        if end and self._ended_sequence < 0:
            self._ended_sequence = sequence
        return KEYS[event] if news else None

    def _is_news(self, event: int, timestamp: int, sequence: int, marker: bool, end: bool) -> bool:
        if (timestamp, event) in self._recent:
            past_end = self._ended_sequence >= 0 and (sequence - self._ended_sequence) & 0xFFFF < 0x8000
            return past_end and not end and (timestamp, event) == (self._timestamp, self._event)
        if self._continues(event, timestamp, marker):
            self._timestamp = timestamp
            self._recent.append((timestamp, event))
            return False
        return True

    def _continues(self, event: int, timestamp: int, marker: bool) -> bool:
        """A packet with a new timestamp belongs to the press in progress."""
        if marker or event != self._event or self._ended_sequence >= 0:
            return False
        moved = (timestamp - self._timestamp) & 0xFFFFFFFF
        long = self._duration >= _LONG_DURATION and moved <= 0xFFFF + _SAME_PRESS_SAMPLES
        return long or moved <= _SAME_PRESS_SAMPLES


@dataclass(frozen=True, slots=True)
class KeyPacket:
    """What the sender's next packet carries."""

    payload: bytes
    marker: bool
    age: int
    "Samples since the key went down: the packet's timestamp is that much earlier than now."


def key_packets(keys: str) -> Iterator[KeyPacket | None]:
    """One item per 20 ms: the packet to send then, or None for none.

    Each key lasts 160 ms, 80 ms after the one before; `,` and `p` wait 1 s. Other characters are passed over.
    """
    for key in keys:
        if key in ",pP":
            yield from [None] * PAUSE_FRAMES
        elif key.upper() in KEYS:
            yield from _press(KEYS.index(key.upper()))


def _press(event: int) -> Iterator[KeyPacket | None]:
    for frame in range(KEY_FRAMES + END_REPEATS - 1):
        end = frame >= KEY_FRAMES - 1
        duration = min(frame + 1, KEY_FRAMES) * FRAME_SAMPLES
        payload = bytes((event, _VOLUME | (_END if end else 0))) + duration.to_bytes(2, "big")
        yield KeyPacket(payload, marker=frame == 0, age=frame * FRAME_SAMPLES)
    yield from [None] * (GAP_FRAMES - END_REPEATS + 1)
