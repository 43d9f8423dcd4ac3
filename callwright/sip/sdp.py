"""SDP for one audio stream with telephone events (RFC 8866, RFC 3264, RFC 4733).

A description is a peer's: everything in it is bounded, addresses must be IP addresses (a name would have the media
plane ask a name server), and whatever does not fit raises `PeerError` and nothing else.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address

from callwright.base.errors import PeerError
from callwright.sip.address import is_ip, plain_ip
from callwright.sip.message import read_number

SDP_BYTES_MAX = 8_192
LINES_MAX = 300
OUR_EVENT_PAYLOAD_TYPES = {8_000: 101, 48_000: 110}
"Under which we offer telephone events, by their clock in Hz."

OUR_PTIME_MS = 20
PTIME_MS_MAX = 1_000
PAYLOAD_TYPE_MAX = 127
PLAIN, SECURE = "RTP/AVP", "RTP/SAVP"
SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")
"Of SRTP, in the order in which we offer them (RFC 4568 §6.2)."

NOWHERE = ("0.0.0.0", "::")
"Addresses of whoever wants nothing sent (RFC 3264 §8.4)."

KEY_BYTES = 30
TAG_MAX = 999_999_999
_MIRRORED = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive", "sendrecv": "sendrecv"}
_STATIC = {"0": "pcmu/8000", "8": "pcma/8000", "9": "g722/8000"}
"Numbers that need no `a=rtpmap` (RFC 3551 §6)."


@dataclass(frozen=True, slots=True)
class Format:
    """One way to code the audio."""

    encoding: str
    "As in `a=rtpmap`: `PCMU/8000`, `opus/48000/2`; upper and lower case mean the same."

    payload_type: int
    parameters: str = ""
    "Of `a=fmtp`."

    @property
    def rate_hz(self) -> int:
        """Of its RTP clock."""
        return int(self.encoding.split("/")[1])


PCMU = Format("PCMU/8000", 0)


@dataclass(frozen=True, slots=True)
class Crypto:
    """A key for SRTP, as `a=crypto` gives it (RFC 4568): of what its side sends."""

    tag: int
    suite: str
    key: bytes = field(repr=False)
    "Master key and salt, 30 bytes."


@dataclass(frozen=True, slots=True)
class Side:
    """What a description says of us."""

    host: str
    port: int
    formats: tuple[Format, ...] = (PCMU,)
    "In the order in which we offer them."

    crypto: Sequence[Crypto] = ()
    "A key for each suite that we speak; none: no SRTP."

    chooses: bool = False
    "Of an offer the first of our formats is taken, and not the first of theirs (RFC 3264 §6.1 leaves it to us)."


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
    rtcp: tuple[str, int] | None = None
    "Of `a=rtcp` (RFC 3605): the host is empty where it names none."

    rtcp_mux: bool = False
    unreported: set[str] = field(default_factory=set)
    "Of RS and RR, those that `b=` sets to 0: nobody there wants RTCP (RFC 3556)."

    crypto: list[Crypto] = field(default_factory=list)
    "Those that we could use."

    mappings: dict[str, str] = field(default_factory=dict)
    "Payload type -> encoding such as `telephone-event/8000`, in lower case and without the channel count of mono."


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
    format: Format
    "The codec, with the number under which the other side wants it."

    event_payload_type: int | None
    "Under which RFC 4733 events are sent to it; None where it takes none."

    event_rate_hz: int
    "Of their clock."

    direction: str
    "From the other side's point of view; `sendonly` and `inactive` mean that it listens to nothing: we are on hold."

    ptime_ms: int
    "The packet time that it would like best."

    rtcp: tuple[str, int] | None = None
    "Where it wants reports; None: nowhere."

    crypto: Crypto | None = None
    "The key of what it sends by SRTP; None: it speaks RTP."

    rtcp_mux: bool = False
    "It takes them, and sends its own, on the port of its audio."


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
            case "b" if session.media and value[2:] == ":0":
                session.media[-1].unreported.add(value[:2])
            case "a":
                _attribute(session, value)
    return session


def _connection(value: str) -> str:
    words = value.split()
    host = words[2].partition("/")[0] if len(words) == 3 else ""
    if words[:2] not in (["IN", "IP4"], ["IN", "IP6"]) or not is_ip(host):
        raise PeerError(f"a connection of {value[:40]!r} in the SDP")
    return plain_ip(host)


def _family(host: str) -> str:
    """As `c=` names it."""
    return "IP6" if ":" in host else "IP4"


def _check_reachable(host: str, ours: str) -> None:
    """Raises `PeerError` where no audio can be sent there from our address."""
    if _family(host) != _family(ours):
        raise PeerError(f"audio at {host} ({_family(host)}), which {ours} ({_family(ours)}) cannot send to")
    if ":" in host and IPv6Address(host).is_link_local:
        # No description says on which of our networks (RFC 4007 §11).
        raise PeerError(f"audio at the link-local address {host}, of no network that we know")


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
        session.media[-1].mappings[payload_type.strip()] = encoding.strip().lower().removesuffix("/1")
    elif name == "crypto":
        if (given := _crypto(rest)) is not None:
            session.media[-1].crypto.append(given)
    elif name == "rtcp-mux":
        session.media[-1].rtcp_mux = True
    elif name == "rtcp":
        port, _, connection = rest.partition(" ")
        host = _connection(connection) if connection else ""
        session.media[-1].rtcp = (host, read_number(port, 65_535, "RTCP port"))
    elif name == "ptime":
        session.media[-1].ptime_ms = read_number(rest.partition(".")[0], PTIME_MS_MAX, "ptime")


def _crypto(value: str) -> Crypto | None:
    """None for what we do not speak: other suites, several keys, key identifiers, parameters of the session."""
    words = value.split()
    if len(words) != 3 or words[1] not in SUITES or ";" in words[2]:
        return None
    method, _, given = words[2].partition(":")
    key, *more = given.split("|")
    if method != "inline" or any(":" in one for one in more):
        return None
    try:
        found = base64.b64decode(key, validate=True)
    except ValueError:
        return None
    tag = read_number(words[0], TAG_MAX, "crypto tag")
    return Crypto(tag, words[1], found) if len(found) == KEY_BYTES else None


def audio(session: Session, ours: Side) -> Audio:
    """The audio of a description, in the first of its codecs that we speak. Raises `PeerError` where there is none."""
    return _audio(session, ours, *_taken(session, ours, chooses=False))


def _audio(session: Session, ours: Side, taken: Media, chosen: Format) -> Audio:
    host = taken.host or session.host
    if not host:
        raise PeerError("no connection address in the SDP")
    if host not in NOWHERE:
        _check_reachable(host, ours.host)
    direction = taken.direction or session.direction
    if host in NOWHERE and direction == "sendrecv":
        # How RFC 2543 put somebody on hold (RFC 3264 §8.4).
        direction = "sendonly"
    event_type, event_rate_hz = _events(taken, chosen.rate_hz)
    ptime_ms = taken.ptime_ms or OUR_PTIME_MS
    reports = None if host in NOWHERE else _reports(taken, host)
    return Audio(
        host,
        taken.port,
        chosen,
        event_type,
        event_rate_hz,
        direction,
        ptime_ms,
        reports,
        taken.crypto[0] if taken.protocol == SECURE else None,
        reports is not None and taken.rtcp_mux,
    )


def _reports(media: Media, host: str) -> tuple[str, int] | None:
    """Where RTCP goes: to the audio's own port, the one that it names, or the one beside it (RFC 3550 §11). Nowhere, if that is
    of another family than the audio: both go by the same address of ours."""
    if {"RS", "RR"} <= media.unreported:
        return None
    if media.rtcp_mux:
        return host, media.port
    named, port = media.rtcp or ("", min(media.port + 1, 65_535))
    to = named or host
    return (to, port) if port and to not in NOWHERE and _family(to) == _family(host) else None


def _taken(session: Session, ours: Side, *, chooses: bool) -> tuple[Media, Format]:
    """The first audio that we speak, and how, under the other side's number. `chooses`: in our order."""
    spoken, why = _spoken(ours.formats), ""
    for media in session.media:
        if media.kind != "audio" or media.protocol not in (PLAIN, SECURE) or not media.port:
            continue
        if media.protocol == SECURE and not (ours.crypto and media.crypto):
            why = f": SRTP needs {'a usable a=crypto line' if ours.crypto else '`pip install callwright[srtp]`'}"
            continue
        for payload_type in _by_ours(media, ours) if chooses else media.formats:
            known = spoken.get(media.mappings.get(payload_type) or _STATIC.get(payload_type, ""))
            if known is not None and payload_type == str(known.payload_type):
                return media, known
            if known is not None:
                number = read_number(payload_type, PAYLOAD_TYPE_MAX, "payload type")
                return media, Format(known.encoding, number, known.parameters)
    names = ", ".join(known.encoding.partition("/")[0] for known in ours.formats)
    raise PeerError(f"no audio in the SDP that we speak{why or f' ({names})'}")


def _by_ours(media: Media, ours: Side) -> list[str]:
    """Their numbers, in the order of our formats; the first of theirs where there are several of one."""
    order = [known.encoding.lower() for known in ours.formats]

    def place(payload_type: str) -> int:
        encoding = media.mappings.get(payload_type) or _STATIC.get(payload_type, "")
        return order.index(encoding) if encoding in order else len(order)

    return sorted(media.formats, key=place)


@lru_cache(maxsize=64)
def _spoken(formats: tuple[Format, ...]) -> dict[str, Format]:
    return {known.encoding.lower(): known for known in formats}


def _events(media: Media, rate_hz: int) -> tuple[int | None, int]:
    """The number of telephone events and their clock: the codec's (RFC 4733 §2.1), or that of G.711, which some name alone."""
    for wanted in dict.fromkeys((rate_hz, 8_000)):
        name = f"telephone-event/{wanted}"
        for payload_type in media.formats:
            if media.mappings.get(payload_type) == name:
                return read_number(payload_type, PAYLOAD_TYPE_MAX, "payload type"), wanted
    return None, rate_hz


def mirrored(direction: str) -> str:
    """The same stream as its other side sees it."""
    return _MIRRORED[direction]


def narrowed(direction: str, most: str) -> str:
    """What both leave of a stream."""
    if most == "sendrecv" or direction == most:
        return direction
    return most if direction == "sendrecv" else "inactive"


def turned(description: str, direction: str, *, version: int) -> str:
    """A description of ours with another direction, and nothing else changed: an offer that nobody refuses for its codecs."""
    lines = description.split("\r\n")
    for at, line in enumerate(lines):
        if line.startswith("o="):
            user, session, _, *place = line.split(" ")
            lines[at] = " ".join((user, session, str(version), *place))
        elif line[:2] == "a=" and line[2:] in _MIRRORED:
            lines[at] = f"a={direction}"
    return "\r\n".join(lines)


def offer(ours: Side, *, version: int = 1, secure: bool = False, direction: str = "sendrecv") -> str:
    """Our offer: all of our codecs, and telephone events. `version` grows with each description of one call (RFC 3264 §8).
    `secure`: SRTP alone, with any of our keys."""
    clocks = dict.fromkeys(known.rate_hz for known in ours.formats)
    events = [_event_format(OUR_EVENT_PAYLOAD_TYPES[rate_hz], rate_hz) for rate_hz in clocks]
    keys = ours.crypto if secure else ()
    stream = _stream(ours, [*ours.formats, *events], direction, crypto=keys, rtcp_mux=True)
    return "\r\n".join([*_head(ours, version), *stream, ""])


def answer(offered: Session, ours: Side, *, version: int = 1) -> str:
    """Our answer: the first stream that we speak is taken, every other one refused. Raises `PeerError` where none fits."""
    return answered(offered, ours, version=version)[0]


def answered(offered: Session, ours: Side, *, version: int = 1, most: str = "sendrecv") -> tuple[str, Audio]:
    """Our answer, in no more than this direction, and what the offer says of the audio that is taken."""
    taken, chosen = _taken(offered, ours, chooses=ours.chooses)
    wanted = _audio(offered, ours, taken, chosen)
    formats = [chosen]
    if wanted.event_payload_type is not None:
        formats.append(_event_format(wanted.event_payload_type, wanted.event_rate_hz))
    # Our key goes under their number (RFC 4568 §5.1.2).
    theirs = wanted.crypto
    crypto = []
    if theirs is not None:
        crypto = [Crypto(theirs.tag, one.suite, one.key) for one in ours.crypto if one.suite == theirs.suite]
    lines = _head(ours, version)
    for media in offered.media:
        if media is taken:
            direction = narrowed(_MIRRORED[wanted.direction], most)
            lines += _stream(ours, formats, direction, crypto=crypto, rtcp_mux=wanted.rtcp_mux)
        else:
            lines.append(f"m={media.kind} 0 {media.protocol} {' '.join(media.formats)}")
    return "\r\n".join([*lines, ""]), wanted


def _event_format(payload_type: int, rate_hz: int) -> Format:
    return Format(f"telephone-event/{rate_hz}", payload_type, "0-15")


def _head(ours: Side, version: int) -> list[str]:
    family = _family(ours.host)
    return ["v=0", f"o=- {ours.port} {version} IN {family} {ours.host}", "s=-", f"c=IN {family} {ours.host}", "t=0 0"]


def _stream(
    ours: Side, formats: Sequence[Format], direction: str, *, crypto: Sequence[Crypto], rtcp_mux: bool
) -> list[str]:
    numbers = " ".join(str(known.payload_type) for known in formats)
    lines = [f"m=audio {ours.port} {SECURE if crypto else PLAIN} {numbers}"]
    for known in formats:
        lines.append(f"a=rtpmap:{known.payload_type} {known.encoding}")
        if known.parameters:
            lines.append(f"a=fmtp:{known.payload_type} {known.parameters}")
    for key in crypto:
        lines.append(f"a=crypto:{key.tag} {key.suite} inline:{base64.b64encode(key.key).decode()}")
    if rtcp_mux:
        lines.append("a=rtcp-mux")
    return [*lines, f"a=ptime:{OUR_PTIME_MS}", f"a={direction}"]
