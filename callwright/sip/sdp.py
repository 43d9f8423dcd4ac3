"""SDP for one PCMU stream with telephone events (RFC 8866, RFC 3264, RFC 4733).

A description is a peer's: everything in it is bounded, addresses must be IP addresses (a name would have the media
plane ask a name server), and whatever does not fit raises `PeerError` and nothing else.
"""

from dataclasses import dataclass, field

from callwright.base.errors import PeerError
from callwright.sip.address import is_ip
from callwright.sip.message import read_number

SDP_BYTES_MAX = 8_192
LINES_MAX = 300
PCMU = "0"
"Its static payload type (RFC 3551 §6). A peer that has PCMU has it under this number."

OUR_EVENT_PAYLOAD_TYPE = 101
OUR_PTIME_MS = 20
PTIME_MS_MAX = 1_000
_MIRRORED = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive", "sendrecv": "sendrecv"}


@dataclass(slots=True)
class Media:
    """One `m=` section."""

    kind: str
    port: int
    protocol: str
    formats: list[str]
    host: str = ""
    direction: str = ""
    ptime_ms: int = 0
    mappings: dict[str, str] = field(default_factory=dict)
    "Payload type -> encoding such as `telephone-event/8000`, in lower case."


@dataclass(slots=True)
class Session:
    """A session description."""

    host: str = ""
    direction: str = "sendrecv"
    media: list[Media] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Audio:
    """Where the other side wants its audio."""

    host: str
    "An IP address."

    port: int
    event_payload_type: int | None
    "Under which RFC 4733 events are sent to it; None where it takes none."

    direction: str
    "From the other side's point of view; `sendonly` and `inactive` mean that it listens to nothing: we are on hold."

    ptime_ms: int
    "The packet time that it would like best."


def parse(text: str) -> Session:
    """Raises `PeerError` for what is no session description."""
    if len(text) > SDP_BYTES_MAX or not text.startswith("v=0"):
        raise PeerError("a body that is no SDP")
    session = Session()
    for line in text.split("\n", LINES_MAX)[:LINES_MAX]:
        kind, _, value = line.strip().partition("=")
        match kind:
            case "c":
                host = _connection(value)
                if session.media:
                    session.media[-1].host = host
                else:
                    session.host = host
            case "m":
                session.media.append(_media(value))
            case "a":
                _attribute(session, value)
    return session


def _connection(value: str) -> str:
    words = value.split()
    host = words[2].partition("/")[0] if len(words) == 3 else ""
    if words[:2] not in (["IN", "IP4"], ["IN", "IP6"]) or not is_ip(host):
        raise PeerError(f"a connection of {value[:40]!r} in the SDP")
    return host


def _media(value: str) -> Media:
    words = value.split()
    if len(words) < 4:
        raise PeerError(f"a media line of {value[:40]!r} in the SDP")
    port = read_number(words[1].partition("/")[0], 65_535, "media port")
    return Media(words[0], port, words[2], words[3:])


def _attribute(session: Session, value: str) -> None:
    name, _, rest = value.partition(":")
    if name in _MIRRORED:
        if session.media:
            session.media[-1].direction = name
        else:
            session.direction = name
    elif not session.media:
        return
    elif name == "rtpmap":
        payload_type, _, encoding = rest.partition(" ")
        session.media[-1].mappings[payload_type.strip()] = encoding.strip().lower()
    elif name == "ptime":
        session.media[-1].ptime_ms = read_number(rest.partition(".")[0], PTIME_MS_MAX, "ptime")


def audio(session: Session) -> Audio:
    """The PCMU stream of a description. Raises `PeerError` where there is none."""
    taken = _pcmu(session)
    host = taken.host or session.host
    if not host:
        raise PeerError("no connection address in the SDP")
    direction = taken.direction or session.direction
    if host == "0.0.0.0" and direction == "sendrecv":
        # How RFC 2543 put somebody on hold (RFC 3264 §8.4).
        direction = "sendonly"
    return Audio(host, taken.port, _event_type(taken), direction, taken.ptime_ms or OUR_PTIME_MS)


def _pcmu(session: Session) -> Media:
    for media in session.media:
        if media.kind == "audio" and media.protocol == "RTP/AVP" and media.port and PCMU in media.formats:
            return media
    raise PeerError("no PCMU audio in the SDP")


def _event_type(media: Media) -> int | None:
    for payload_type in media.formats:
        if media.mappings.get(payload_type, "").startswith("telephone-event/8000"):
            return read_number(payload_type, 127, "payload type")
    return None


def offer(host: str, port: int, *, version: int = 1) -> str:
    """Our offer: PCMU and telephone events. `version` grows with each description of one call (RFC 3264 §8)."""
    return "\r\n".join([*_head(host, port, version), *_stream(port, OUR_EVENT_PAYLOAD_TYPE, "sendrecv"), ""])


def answer(offered: Session, host: str, port: int, *, version: int = 1) -> str:
    """Our answer: the first PCMU stream is taken, every other one refused. Raises `PeerError` where none fits."""
    wanted = audio(offered)
    taken = _pcmu(offered)
    lines = _head(host, port, version)
    for media in offered.media:
        if media is taken:
            lines += _stream(port, wanted.event_payload_type, _MIRRORED[wanted.direction])
        else:
            lines.append(f"m={media.kind} 0 {media.protocol} {' '.join(media.formats)}")
    return "\r\n".join([*lines, ""])


def _head(host: str, port: int, version: int) -> list[str]:
    family = "IP6" if ":" in host else "IP4"
    return ["v=0", f"o=- {port} {version} IN {family} {host}", "s=-", f"c=IN {family} {host}", "t=0 0"]


def _stream(port: int, event_payload_type: int | None, direction: str) -> list[str]:
    lines = [f"m=audio {port} RTP/AVP {PCMU}", f"a=rtpmap:{PCMU} PCMU/8000"]
    if event_payload_type is not None:
        lines[0] += f" {event_payload_type}"
        lines += [f"a=rtpmap:{event_payload_type} telephone-event/8000", f"a=fmtp:{event_payload_type} 0-15"]
    return [*lines, f"a=ptime:{OUR_PTIME_MS}", f"a={direction}"]
