"""What an engine tells Prometheus."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from callwright.services.metrics import REGISTRY
from callwright.telephony.media_events import MediaStats, PlaneStats

CALLS = Counter("callwright_calls", "Calls that have ended.", ["direction", "outcome"], registry=REGISTRY)
ATTEMPTS = Counter("callwright_attempts", "Attempts of outbound calls that are over.", ["ending"], registry=REGISTRY)
REFUSED = Counter("callwright_callers_refused", "Callers that were turned away, or went.", registry=REGISTRY)
ANSWER = Histogram(
    "callwright_answer_seconds",
    "From a caller's INVITE to our 200.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
    registry=REGISTRY,
)
CALL = Histogram(
    "callwright_call_seconds",
    "How long calls were.",
    buckets=(1, 5, 15, 30, 60, 180, 600, 1800, 7200),
    registry=REGISTRY,
)
LOSS = Histogram(
    "callwright_leg_loss_ratio",
    "Of a far end's audio packets those that never came, by leg.",
    buckets=(0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3),
    registry=REGISTRY,
)
JITTER = Histogram(
    "callwright_leg_jitter_seconds",
    "Jitter of a far end's audio (RFC 3550), by leg.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.2),
    registry=REGISTRY,
)
GAP = Histogram(
    "callwright_leg_gap_seconds",
    "The longest time that a far end's audio stood still, by leg.",
    buckets=(0.02, 0.04, 0.08, 0.2, 0.5, 1, 5, 30),
    registry=REGISTRY,
)
SILENT = Counter(
    "callwright_rtp_timeouts", "Legs that ended because nothing came from the far end for too long.", registry=REGISTRY
)

TRUNKS_MAX = 1_000
"Trunks whose registration is told, the oldest ones: each is a series."


def leg_ended(stats: MediaStats, *, silent: bool) -> None:
    """Count how the audio of a leg came through. A leg that heard nothing tells nothing. `silent`: it ended for that."""
    if silent:
        SILENT.inc()
    if stats.packets_received:
        LOSS.observe(stats.lost / (stats.lost + stats.packets_received))
        JITTER.observe(stats.jitter_ms / 1000)
        GAP.observe(stats.gap_max_ms / 1000)


@dataclass(frozen=True, slots=True)
class Now:
    """An engine at this moment."""

    legs: int
    calls_free: int
    sip_calls: int
    sip_shed: int
    sip_unreadable: tuple[int, int]
    "Messages that were answered, and dropped."

    sip_sent: int
    sip_received: int
    sip_responses: Mapping[tuple[bool, str, str], int]
    "By whether they were sent, by method and class (`telephony.sip_trace`)."

    sip_repeated: Mapping[str, int]
    registered: Mapping[int, bool]
    "By trunk that we register with."

    journal_waiting: int
    media: PlaneStats
    door: Mapping[str, int]
    "What came to the SIP door, by kind (`engine.door.Counts`)."


class EngineCollector(Collector):
    """Reads an engine when figures are wanted, so that counting costs its calls nothing."""

    def __init__(self, now: Callable[[], Now]) -> None:
        self._now = now
        REGISTRY.register(self)

    def close(self) -> None:
        REGISTRY.unregister(self)

    def describe(self) -> Iterable[Metric]:
        # Without it the registry would ask for figures at once.
        return ()

    def collect(self) -> Iterable[Metric]:
        now = self._now()
        media = now.media
        for name, text, value in (
            ("callwright_legs", "Legs of calls that run.", now.legs),
            ("callwright_calls_free", "Calls that could begin.", now.calls_free),
            ("callwright_sip_calls", "SIP calls, whatever their state.", now.sip_calls),
            ("callwright_journal_waiting", "Rows of calls that are not in the database yet.", now.journal_waiting),
            ("callwright_media_sessions", "Media sessions.", media.sessions),
            (
                "callwright_media_late_seconds",
                "How late the media clock was, 99th percentile of 20 s.",
                media.late_p99_ms / 1000,
            ),
            ("callwright_recorder_queue", "Blocks of a second of audio that wait for the disk.", media.recorder_queue),
        ):
            yield GaugeMetricFamily(name, text, value=value)
        for name, text, count in (
            ("callwright_sip_shed", "INVITEs turned away because there were too many at once.", now.sip_shed),
            ("callwright_sip_sent", "SIP messages sent.", now.sip_sent),
            ("callwright_sip_received", "SIP messages received.", now.sip_received),
            ("callwright_rtp_sent", "RTP packets sent.", media.packets_sent),
            ("callwright_rtp_received", "RTP packets received.", media.packets_received),
            ("callwright_media_skipped_seconds", "Time that the media clock gave up.", media.skipped_ms / 1000),
        ):
            yield CounterMetricFamily(name, text, value=count)
        unreadable = CounterMetricFamily(
            "callwright_sip_unreadable", "SIP messages that could not be read.", labels=["what"]
        )
        for what, count in zip(("answered", "dropped"), now.sip_unreadable, strict=True):
            unreadable.add_metric([what], count)
        yield unreadable
        responses = CounterMetricFamily("callwright_sip_responses", "SIP responses.", labels=["way", "method", "class"])
        for (sent, method, kind), count in sorted(now.sip_responses.items()):
            responses.add_metric(["sent" if sent else "received", method, kind], count)
        yield responses
        repeated = CounterMetricFamily("callwright_sip_retransmissions", "SIP messages sent again.", labels=["what"])
        for what in ("request", "response"):
            repeated.add_metric([what], now.sip_repeated.get(what, 0))
        yield repeated
        registered = GaugeMetricFamily(
            "callwright_trunk_registered", "Whether we are registered with a trunk.", labels=["trunk"]
        )
        for trunk_id, state in sorted(now.registered.items())[:TRUNKS_MAX]:
            registered.add_metric([str(trunk_id)], int(state))
        yield registered
        door = CounterMetricFamily("callwright_sip_door", "What strangers and telephones asked.", labels=["what"])
        for what, count in now.door.items():
            door.add_metric([what], count)
        yield door
