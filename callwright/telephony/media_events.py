"""What media sessions tell, and the figures of a session and of the plane."""

from dataclasses import dataclass

from callwright.media.callee_rules import Callee
from callwright.ports.leg import Beeped, KeyPressed, PlayEnded, SpeechEnded, SpeechStarted


@dataclass(frozen=True, slots=True)
class MediaStats:
    """One session's figures, as its `Closed` tells them."""

    codec: str = ""
    "Its name, of the last description; empty where none came."

    srtp: str = ""
    "The suite of SRTP; empty where audio goes in the clear."

    packets_sent: int = 0
    packets_received: int = 0
    "From the far end, duplicates included."

    lost: int = 0
    "Packets of the far end that never came."

    jitter_ms: float = 0.0
    "RFC 3550 §6.4.1, by the arrivals that the kernel noted, of the packets of every fourth second."

    gap_max_ms: int = 0
    """How long the far end's audio stood still at most: a packet came so much later than its timestamp says, to the plane's step of
    10 or 20 ms. 0: none by 40 ms."""

    reports: int = 0
    "RTCP reports in which the far end told what it hears of us; 0: the next three are not known."

    far_lost: int = 0
    "Packets of ours that never reached the far end."

    far_jitter_ms: float = 0.0
    "That the far end sees."

    round_trip_ms: float = 0.0
    "On the way there and back, at the last report; 0: not known."

    foreign: int = 0
    "Packets dropped because they came from another address than the far end's."

    unauthentic: int = 0
    "Packets dropped because SRTP found them forged, or had seen them before."

    send_errors: int = 0
    "Packets that the system refused to send."

    recording_error: str = ""
    "Why a recording is missing or incomplete; empty where it is not."


@dataclass(frozen=True, slots=True)
class FirstPacket:
    """The far end's first packet has arrived. Told once per session."""


@dataclass(frozen=True, slots=True)
class CalleeFound:
    """Who has answered. Told once, after `classify`."""

    callee: Callee


@dataclass(frozen=True, slots=True)
class NoAudio:
    """Nothing has arrived for as long as a far end may be silent. Told once for each such silence."""


NO_AUDIO = "nothing came from the far end for"
"How the reason begins why a leg ended that was silent for so long."


@dataclass(frozen=True, slots=True)
class RecordingEnded:
    """A recording is complete on disk, or is not: `error` says why."""

    path: str
    error: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The session is over, its port free and its recordings complete on disk; nothing follows. Told exactly once."""

    stats: MediaStats


MediaEvent = (
    KeyPressed | PlayEnded | SpeechStarted | SpeechEnded | Beeped | FirstPacket | CalleeFound | NoAudio | RecordingEnded | Closed
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlaneStats:
    """How the plane is doing."""

    sessions: int
    packets_sent: int
    packets_received: int
    late_p50_ms: float
    "How late the clock's slots began, over the last 20 s: the median."

    late_p99_ms: float
    late_max_ms: float
    skipped_ms: int
    "Time that the clock gave up because it was too late (a suspended machine, a starved process), since the start."

    recorder_queue: int
    "Blocks of about 1 s and one call that wait for the disk."
