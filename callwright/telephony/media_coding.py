"""What a stream does to its packets when it does not simply send and receive 20 ms of µ-law: another codec, its clock, and
longer packets. One object for each such stream, used in the plane's thread."""

from dataclasses import dataclass

from callwright.media.codec import Codec
from callwright.media.codecs.pcmu import Pcmu
from callwright.media.frames import FRAME_BYTES
from callwright.telephony.media_latch import Address
from callwright.telephony.media_secure import Keys

FRAMES_MAX = 3
"Of 20 ms in a packet that we send: more makes a conversation slow."


@dataclass(frozen=True, slots=True)
class Agreed:
    """What the descriptions of both sides agree on."""

    event_type: int | None
    "Under which keys are sent as RFC 4733 events; None where the far end takes none."

    event_types: tuple[int, ...] = ()
    "Under which they come; empty: as they are sent."

    event_ratio: int = 1
    "Ticks of their clock for a sample at 8000 Hz."

    inband: bool = True
    "Where there are none, keys are looked for as tones in the audio."

    codec: type[Codec] = Pcmu
    payload_type: int = 0
    "Under which audio is sent."

    payload_types: tuple[int, ...] = ()
    "Under which it comes; empty: as it is sent."

    frames: int = 1
    "20 ms frames in a packet that we send."

    rtcp: Address | None = None
    "Where the far end wants reports; None: nowhere."

    rtcp_mux: bool = False
    "They share the port of the audio."

    secured: Keys | None = None
    "By SRTP."

    heard: bool = True
    "The far end sends: that nothing comes means something."

    @property
    def coding(self) -> "Coding | None":
        """None for plain µ-law, which needs nothing done."""
        plain = self.codec is Pcmu and self.payload_type == 0 and self.frames == 1 and self.event_ratio == 1
        return None if plain else Coding(self)


class Coding:
    """The codec of one stream, both ways."""

    __slots__ = (
        "_frames", "_heard", "_raw", "_waiting", "codec", "event_ratio", "payload_type", "payload_types", "ratio",
    )  # fmt: skip

    def __init__(self, agreed: Agreed) -> None:
        self.codec = agreed.codec()
        self.ratio = agreed.codec.clock_ratio
        self.payload_type = agreed.payload_type
        self.payload_types = agreed.payload_types or (agreed.payload_type,)
        self.event_ratio = agreed.event_ratio
        self._frames = agreed.frames if agreed.codec.joins else 1
        self._waiting = b""
        "µ-law that waits until a packet is full."

        self._raw = self._heard = 0
        "The last timestamp of the far end, and what it is in samples at 8000 Hz."

    def is_like(self, other: "Coding | None") -> bool:
        """Payloads of the one are the other's, as they are."""
        return other is not None and type(self.codec) is type(other.codec)

    def samples(self, timestamp: int) -> int:
        """The far end's timestamp on a clock of 8000 Hz, without a step where it wraps."""
        if self.ratio == 1:
            return timestamp
        step = ((timestamp - self._raw + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
        self._raw = timestamp
        # What a division leaves is kept: the next step adds to it.
        self._heard += step
        return self._heard // self.ratio & 0xFFFFFFFF

    def put(self, ulaw: bytes) -> int:
        """Take in what is to be sent. How much was waiting before it, in samples."""
        before = len(self._waiting)
        self._waiting += ulaw
        return before

    def take(self, *, rest: bool = False) -> bytes:
        """µ-law of the next packet; empty while there is not enough. `rest`: what there is."""
        size = self._frames * FRAME_BYTES
        if rest:
            size = min(size, len(self._waiting) - len(self._waiting) % FRAME_BYTES)
        if not size or len(self._waiting) < size:
            return b""
        taken, self._waiting = self._waiting[:size], self._waiting[size:]
        return taken

    def drop(self) -> None:
        """What waits is not sent."""
        self._waiting = b""
