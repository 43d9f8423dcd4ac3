"""SDP for one PCMU stream with telephone events (RFC 8866, RFC 3264, RFC 4733)."""

from dataclasses import dataclass, field

from callwright.base.errors import PeerError

SDP_BYTES_MAX = 8_192
LINES_MAX = 300
OUR_EVENT_PAYLOAD_TYPE = 101
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
    port: int
    "0 where it wants none."

    event_payload_type: int | None
    direction: str
    "From the other side's point of view; `sendonly` and `inactive` mean that it listens to nothing: we are on hold."


def parse(text: str) -> Session:
    """Raises `PeerError` for what is no session description."""
    if len(text) > SDP_BYTES_MAX or not text.startswith("v=0"):
        raise PeerError("a body that is no SDP")
    session = Session()
    for line in text.splitlines()[:LINES_MAX]:
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
    if len(words) != 3 or words[:2] not in (["IN", "IP4"], ["IN", "IP6"]):
        raise PeerError(f"a connection of {value[:40]!r} in the SDP")
    return words[2].partition("/")[0]


def _media(value: str) -> Media:
    words = value.split()
    port = words[1].partition("/")[0] if len(words) >= 4 else ""
    if not (port.isdecimal() and port.isascii() and int(port[:6]) < 65536):
        raise PeerError(f"a media line of {value[:40]!r} in the SDP")
    return Media(words[0], int(port), words[2], words[3:])


def _attribute(session: Session, value: str) -> None:
    name, _, rest = value.partition(":")
    if name in _MIRRORED:
        if session.media:
            session.media[-1].direction = name
        else:
            session.direction = name
    elif name == "rtpmap" and session.media:
        payload_type, _, encoding = rest.partition(" ")
        session.media[-1].mappings[payload_type.strip()] = encoding.strip().lower()


def audio(session: Session) -> Audio:
    """The PCMU stream of a description. Raises `PeerError` where there is none."""
    found = _pcmu(session)
    if found is None:
        raise PeerError("no PCMU audio in the SDP")
    host = found.host or session.host
    if not host:
        raise PeerError("no connection address in the SDP")
    return Audio(host, found.port, _event_type(found), found.direction or session.direction)


def _pcmu(session: Session) -> Media | None:
    for media in session.media:
        takes = "0" in media.formats or any(media.mappings.get(f, "").startswith("pcmu/8000") for f in media.formats)
        if media.kind == "audio" and media.protocol == "RTP/AVP" and media.port and takes:
            return media
    return None


def _event_type(media: Media) -> int | None:
    for payload_type in media.formats:
        if media.mappings.get(payload_type, "").startswith("telephone-event/8000") and payload_type.isdecimal():
            return int(payload_type) if int(payload_type) < 128 else None
    return None


def offer(host: str, port: int) -> str:
    """Our offer: PCMU and telephone events."""
    return "\r\n".join([*_head(host), *_stream(port, OUR_EVENT_PAYLOAD_TYPE, "sendrecv")]) + "\r\n"


def answer(offered: Session, host: str, port: int) -> str:
    """Our answer: the first PCMU stream is taken, every other one refused. Raises `PeerError` where none fits."""
    wanted = audio(offered)
    taken = _pcmu(offered)
    lines = _head(host)
    for media in offered.media:
        if media is taken:
            lines += _stream(port, wanted.event_payload_type, _MIRRORED[wanted.direction])
        else:
            lines.append(f"m={media.kind} 0 {media.protocol} {' '.join(media.formats)}")
    return "\r\n".join(lines) + "\r\n"


def _head(host: str) -> list[str]:
    family = "IP6" if ":" in host else "IP4"
    return ["v=0", f"o=callwright 1 1 IN {family} {host}", "s=-", f"c=IN {family} {host}", "t=0 0"]


def _stream(port: int, event_payload_type: int | None, direction: str) -> list[str]:
    lines = [f"m=audio {port} RTP/AVP 0", "a=rtpmap:0 PCMU/8000"]
    if event_payload_type is not None:
        lines[0] += f" {event_payload_type}"
        lines += [f"a=rtpmap:{event_payload_type} telephone-event/8000", f"a=fmtp:{event_payload_type} 0-15"]
    return [*lines, "a=ptime:20", f"a={direction}"]
