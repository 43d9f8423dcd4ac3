"""SIP messages (RFC 3261 §7): a tolerant parser that never trusts, and a serializer.

Only what is needed is parsed: headers stay text until somebody asks for one. Whatever is wrong with a message
raises `PeerError`, nothing else.
"""

import re
from dataclasses import dataclass, field

from callwright.base.errors import PeerError

MESSAGE_BYTES_MAX = 16_384
"Longest message accepted. Ours stay below 1,300 bytes, as RFC 3261 §18.1.1 asks of UDP."

HEADERS_MAX = 100
"Header lines of one message."

_COMPACT = {
    "i": "call-id", "m": "contact", "e": "content-encoding", "l": "content-length", "c": "content-type", "f": "from",
    "s": "subject", "k": "supported", "t": "to", "v": "via", "o": "event", "r": "refer-to", "b": "referred-by",
    "x": "session-expires",
}  # fmt: skip
_LISTS = frozenset({"via", "route", "record-route", "contact", "require", "supported", "proxy-require", "allow"})
_PRETTY = {"call-id": "Call-ID", "cseq": "CSeq", "www-authenticate": "WWW-Authenticate"}
_FOLD = re.compile(r"\r?\n[ \t]+")
_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")
_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?")

Address = tuple[str, int]


class Headers:
    """Header fields by lower-case name, each with all its values in order."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: dict[str, list[str]] = {}

    def get(self, name: str) -> str:
        """The first value, empty where there is none."""
        values = self._values.get(name)
        return values[0] if values else ""

    def all(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def set(self, name: str, *values: str) -> None:
        self._values[name] = list(values)

    def add(self, name: str, value: str) -> None:
        self._values.setdefault(name, []).append(value)

    def lines(self) -> list[str]:
        return [
            f"{_PRETTY.get(name) or name.title()}: {value}" for name, values in self._values.items() for value in values
        ]


@dataclass(slots=True)
class Request:
    """A request. `uri` is its Request-URI, as text."""

    method: str
    uri: str
    headers: Headers = field(default_factory=Headers)
    body: str = ""

    def serialize(self) -> bytes:
        return _serialize(f"{self.method} {self.uri} SIP/2.0", self.headers, self.body)


@dataclass(slots=True)
class Response:
    """A response."""

    status: int
    reason: str
    headers: Headers = field(default_factory=Headers)
    body: str = ""

    def serialize(self) -> bytes:
        return _serialize(f"SIP/2.0 {self.status} {self.reason}", self.headers, self.body)


Message = Request | Response


def _serialize(first: str, headers: Headers, body: str) -> bytes:
    encoded = body.encode("utf-8", "surrogateescape")
    lines = [first, *headers.lines(), f"Content-Length: {len(encoded)}", "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + encoded


def parse(data: bytes) -> Message:
    """One datagram as a message. Raises `PeerError`."""
    if len(data) > MESSAGE_BYTES_MAX:
        raise PeerError(f"a message of {len(data)} bytes")
    head, separator, body = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not separator:
        raise PeerError("a message without an end of its headers")
    text = head.decode("utf-8", "surrogateescape")
    if "\0" in text:
        raise PeerError("a NUL in the headers")
    if "\n " in text or "\n\t" in text:
        text = _FOLD.sub(" ", text)
    first, *lines = text.split("\r\n")
    headers = _headers(lines)
    length = headers.get("content-length")
    if length:
        if not length.isdecimal() or len(length) > 9 or int(length) > len(body):
            raise PeerError(f"a Content-Length of {length[:20]} with a body of {len(body)} bytes")
        body = body[: int(length)]
    headers._values.pop("content-length", None)
    return _first_line(first, headers, body.decode("utf-8", "surrogateescape"))


def _headers(lines: list[str]) -> Headers:
    if len(lines) > HEADERS_MAX:
        raise PeerError(f"{len(lines)} header lines")
    headers = Headers()
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if not colon or not name:
            raise PeerError(f"a header line without a name: {line[:40]!r}")
        name = _COMPACT.get(name, name)
        value = value.strip()
        if name in _LISTS and "," in value:
            for item in split_list(value):
                headers.add(name, item)
        else:
            headers.add(name, value)
    for needed in ("via", "from", "to", "call-id", "cseq"):
        if not headers.get(needed):
            raise PeerError(f"no {needed}")
    return headers


def _first_line(first: str, headers: Headers, body: str) -> Message:
    if first.startswith("SIP/2.0 "):
        status, _, reason = first[8:].partition(" ")
        if not (status.isdecimal() and status.isascii() and 100 <= int(status[:4]) <= 699):
            raise PeerError(f"a status of {status[:20]!r}")
        return Response(int(status), reason, headers, body)
    words = first.split(" ")
    if len(words) != 3 or words[2] != "SIP/2.0" or not _TOKEN.fullmatch(words[0]) or not words[1]:
        raise PeerError(f"a first line that is neither request nor response: {first[:60]!r}")
    number, _, method = headers.get("cseq").partition(" ")
    if method.strip() != words[0] or not (number.isdecimal() and number.isascii()) or int(number[:12]) >= 2**31:
        raise PeerError(f"a CSeq that does not fit: {headers.get('cseq')[:40]!r}")
    return Request(words[0], words[1], headers, body)


def split_list(value: str) -> list[str]:
    """A comma-separated header value, where commas in quotes and angle brackets do not count."""
    items: list[str] = []
    begun = depth = 0
    quoted = False
    for at, char in enumerate(value):
        if char == '"' and (at == 0 or value[at - 1] != "\\"):
            quoted = not quoted
        elif quoted:
            continue
        elif char == "<":
            depth += 1
        elif char == ">":
            depth -= 1
        elif char == "," and depth <= 0:
            items.append(value[begun:at].strip())
            begun = at + 1
    items.append(value[begun:].strip())
    return [item for item in items if item]


def parameters(text: str) -> dict[str, str]:
    """`;a=b;c` as {"a": "b", "c": ""}; names in lower case."""
    found: dict[str, str] = {}
    for item in text.split(";"):
        name, _, value = item.partition("=")
        if name := name.strip().lower():
            found.setdefault(name, value.strip().strip('"'))
    return found


@dataclass(frozen=True, slots=True)
class Via:
    """The topmost Via: where a response goes (RFC 3261 §18.2.2, RFC 3581)."""

    host: str
    port: int
    branch: str
    parameters: dict[str, str]


def top_via(headers: Headers) -> Via:
    """Raises `PeerError`."""
    protocol, _, rest = headers.get("via").partition(" ")
    where, _, options = rest.strip().partition(";")
    found = _HOST_PORT.fullmatch(where.strip().replace(" ", ""))
    if not protocol.upper().startswith("SIP/2.0/") or found is None:
        raise PeerError(f"a Via that cannot be read: {headers.get('via')[:60]!r}")
    named = parameters(options)
    return Via(found[1], _port(found[2]), named.get("branch", ""), named)


def _port(text: str | None) -> int:
    if text is None:
        return 5060
    port = int(text)
    if not 0 < port < 65536:
        raise PeerError(f"a port of {text}")
    return port


@dataclass(frozen=True, slots=True)
class NameAddress:
    """The value of From, To, Contact, Route: `"name" <uri>;parameters`."""

    uri: str
    parameters: dict[str, str]

    @property
    def tag(self) -> str:
        return self.parameters.get("tag", "")


def name_address(value: str) -> NameAddress:
    """Raises `PeerError`."""
    begun = value.find("<") if not value.startswith('"') else value.find("<", value.rfind('"'))
    if begun >= 0:
        ended = value.find(">", begun)
        if ended < 0:
            raise PeerError(f"an address without its end: {value[:60]!r}")
        return NameAddress(value[begun + 1 : ended].strip(), parameters(value[ended + 1 :]))
    uri, _, rest = value.partition(";")
    if not uri.strip():
        raise PeerError("an empty address")
    return NameAddress(uri.strip(), parameters(rest))


@dataclass(frozen=True, slots=True)
class Uri:
    """A SIP URI (RFC 3261 §19.1), as far as routing needs it."""

    user: str
    host: str
    port: int
    parameters: dict[str, str]


def uri(text: str) -> Uri:
    """Raises `PeerError` for any other scheme."""
    scheme, _, rest = text.partition(":")
    if scheme.lower() not in ("sip", "sips", "tel"):
        raise PeerError(f"a URI that is not SIP: {text[:60]!r}")
    rest, _, options = rest.partition(";")
    if scheme.lower() == "tel":
        return Uri(rest, "", 5060, parameters(options))
    user, at, where = rest.rpartition("@")
    found = _HOST_PORT.fullmatch(where.partition("?")[0])
    if found is None:
        raise PeerError(f"a URI without a host: {text[:60]!r}")
    return Uri(
        user.partition(":")[0] if at else "",
        found[1].strip("[]"),
        _port(found[2]),
        parameters(options.partition("?")[0]),
    )
