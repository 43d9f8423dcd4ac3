"""SIP messages (RFC 3261 §7): a tolerant parser that never trusts, and a serializer.

Only what every message needs is parsed at once; a header stays text until somebody asks for it. Tolerated is what
peers really send: compact names, folded lines, bare line feeds, blanks where the grammar has none. Whatever else
is wrong with a message raises `PeerError`, and nothing but `PeerError` ever comes out of here.
"""

import re
from dataclasses import dataclass, field

from callwright.base.errors import PeerError
from callwright.sip.address import Via, name_address, read_via, split_list

MESSAGE_BYTES_MAX = 16_384
"Longest message accepted. Ours stay below 1,300 bytes, as RFC 3261 §18.1.1 asks of UDP."

HEADERS_MAX = 100
"Header lines of one message."

PARTS_MAX = 20
"Of a body; what comes behind them is not looked at."

CALL_ID_MAX = 500
REASON_MAX = 200
"A reason phrase is cut there: it ends up in logs."

SDP_TYPE = "application/sdp"

SEQUENCE_MAX = 2**31 - 1
"RFC 3261 §8.1.1.5."

REASONS = {
    100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 202: "Accepted", 400: "Bad Request",
    401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout",
    415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension",
    422: "Session Interval Too Small", 423: "Interval Too Brief", 469: "Bad Info Package",
    480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected",
    483: "Too Many Hops", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here",
    489: "Bad Event", 491: "Request Pending", 500: "Server Internal Error", 501: "Not Implemented", 503: "Service Unavailable",
    504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large",
    600: "Busy Everywhere", 603: "Decline",
}  # fmt: skip

_COMPACT = {
    "i": "call-id", "m": "contact", "e": "content-encoding", "l": "content-length", "c": "content-type", "f": "from",
    "s": "subject", "k": "supported", "t": "to", "v": "via", "o": "event", "r": "refer-to", "b": "referred-by",
    "x": "session-expires",
}  # fmt: skip
_SHOWN = (
    "Accept", "Allow", "Authorization", "Call-ID", "Contact", "Content-Length", "Content-Type", "CSeq", "Event", "From",
    "Max-Forwards", "Min-SE", "Proxy-Authorization", "Proxy-Require", "RAck", "Record-Route", "Refer-To", "Replaces", "Require",
    "Retry-After", "Route", "RSeq", "Server", "Session-Expires", "Supported", "To", "Unsupported", "User-Agent", "User-to-User",
    "Via", "Warning", "WWW-Authenticate",
)  # fmt: skip
_PRETTY = {name.lower(): name for name in _SHOWN}
_NAMES = {name: name.lower() for name in (*_SHOWN, *_PRETTY)} | _COMPACT | {k.upper(): v for k, v in _COMPACT.items()}
"Header names as they are usually written, by the name that we use."

_LISTS = frozenset({"via", "route", "record-route", "contact", "require", "proxy-require"})
_NEEDED = ("from", "to", "call-id", "cseq")
_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;",]{1,70}))', re.I)
_PART_TYPE = re.compile(rf"^content-type[ \t]*:[ \t]*{SDP_TYPE}\b", re.I | re.M)
_FOLD = re.compile(r"\r?\n[ \t]+")
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]{1,64}")


class Unreadable(PeerError):
    """A request with something in it that cannot be read, said so that its sender understands (RFC 3261 §21.4.1)."""

    def __init__(self, reason: str, message: str = "", *, status: int = 400) -> None:
        """`reason`: the reason phrase of an answer, which names the field; nothing of the request stands in it."""
        self.status, self.reason = status, reason
        super().__init__(message or reason)


def reason_of(error: PeerError) -> str:
    """The words of a 400; empty where the error names no field."""
    return error.reason if isinstance(error, Unreadable) else ""


class Headers:
    """Header fields by lower-case name, each with all its values in order."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: dict[str, list[str]] = {}

    def get(self, name: str) -> str:
        """The first value, empty where there is none."""
        values = self.values.get(name)
        return values[0] if values else ""

    def all(self, name: str) -> list[str]:
        return self.values.get(name, [])

    def tokens(self, name: str) -> list[str]:
        """All words of a list such as Supported, in lower case."""
        return [word for value in self.all(name) for item in value.split(",") if (word := item.strip().lower())]

    def set(self, name: str, *values: str) -> None:
        self.values[name] = list(values)


@dataclass(slots=True)
class Request:
    """A request. `uri` is its Request-URI, as text."""

    method: str
    uri: str
    headers: Headers = field(default_factory=Headers)
    body: str = ""
    sequence: int = 0
    "The number of CSeq."

    _via: Via | None = None

    @property
    def via(self) -> Via:
        """The topmost Via. Raises `PeerError`."""
        if self._via is None:
            self._via = read_via(self.headers.get("via"))
        return self._via

    def sent_by(self, via: str) -> None:
        """Put our own Via on a request; one that goes out again gets another."""
        self._via = None
        self.headers.set("via", via)

    def received(self, host: str, port: int) -> None:
        """Note in the topmost Via where the request really came from (RFC 3261 §18.2.1, RFC 3581 §4). Raises `PeerError`."""
        marked = self.via.received(host, port)
        if marked is not None:
            self.headers.values["via"][0] = marked

    def renumber(self, sequence: int) -> None:
        """Give a request of ours, that goes out again, its next CSeq."""
        self.sequence, self._via = sequence, None
        self.headers.set("cseq", f"{sequence} {self.method}")

    @property
    def from_tag(self) -> str:
        return name_address(self.headers.get("from")).tag

    @property
    def to_tag(self) -> str:
        return name_address(self.headers.get("to")).tag

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type").partition(";")[0].strip().lower()

    def serialize(self) -> bytes:
        return _serialize(f"{self.method} {self.uri} SIP/2.0", self.headers, self.body)


@dataclass(slots=True)
class Response:
    """A response."""

    status: int
    reason: str
    headers: Headers = field(default_factory=Headers)
    body: str = ""
    sequence: int = 0
    method: str = ""
    "Of the request that it answers, from CSeq."

    @property
    def via(self) -> Via:
        """The topmost Via: ours. Raises `PeerError`."""
        return read_via(self.headers.get("via"))

    @property
    def to_tag(self) -> str:
        return name_address(self.headers.get("to")).tag

    def serialize(self) -> bytes:
        return _serialize(f"SIP/2.0 {self.status} {self.reason}", self.headers, self.body)


Message = Request | Response

_Q850 = re.compile(r"Q\.850\b[^,]*?;\s*cause\s*=\s*([0-9]{1,3})(?![0-9])", re.I)


def with_cause(reason: str, headers: Headers) -> str:
    """A reason, and behind it what the telephone network said of a call's end (RFC 3326, ITU-T Q.850): `Busy Here (Q.850 17)`."""
    found = _Q850.search(", ".join(headers.all("reason")))
    return f"{reason} (Q.850 {int(found[1])})" if found else reason


def _serialize(first: str, headers: Headers, body: str) -> bytes:
    encoded = body.encode("utf-8", "surrogateescape")
    lines = [first]
    for name, values in headers.values.items():
        shown = _PRETTY.get(name) or name.title()
        for value in values:
            lines.append(f"{shown}: {value}")
    lines.append(f"Content-Length: {len(encoded)}\r\n\r\n")
    text = "\r\n".join(lines)
    # What a user gave (a caller id, a reason) must not become a header of its own.
    assert text.count("\n") == text.count("\r") == len(lines) + 1, "a line break within a header"
    return text.encode("utf-8", "surrogateescape") + encoded


def parse(data: bytes) -> Message:
    """One datagram as a message. Raises `PeerError`."""
    if len(data) > MESSAGE_BYTES_MAX:
        raise Unreadable("", f"a message of {len(data)} bytes", status=513)
    head, body = _split(data)
    text = head.decode("utf-8", "surrogateescape")
    if "\0" in text:
        raise PeerError("a NUL in the headers")
    if "\n " in text or "\n\t" in text:
        text = unfolded(text)
    lines = text.split("\r\n")
    if not text.count("\n") == text.count("\r") == len(lines) - 1:
        lines = _odd_lines(text)
    if len(lines) > HEADERS_MAX:
        raise Unreadable("Too Many Header Lines", f"{len(lines)} header lines")
    headers = _headers(lines)
    length = headers.values.pop("content-length", None)
    if length is not None:
        if len(length) > 1:
            raise Unreadable("More Than One Content-Length")
        size = read_number(length[0], MESSAGE_BYTES_MAX, "Content-Length")
        if size > len(body):
            raise Unreadable(
                "Content-Length Beyond The End", f"a Content-Length of {size} with a body of {len(body)} bytes"
            )
        body = body[:size]
    told = body.decode("utf-8", "surrogateescape")
    if told and headers.get("content-type")[:10].lower() == "multipart/":
        told = _description(headers, told)
    return _first_line(lines[0], headers, told)


def _description(headers: Headers, body: str) -> str:
    """The session description among the parts of a body (RFC 5621 §3.1), which then stands for all of it; the body as it is
    where it has none."""
    boundary = _BOUNDARY.search(headers.get("content-type"))
    if boundary is None:
        return body
    for part in body.split(f"--{boundary[1] or boundary[2]}", PARTS_MAX)[1:PARTS_MAX]:
        head, _, content = part.replace("\r\n", "\n").partition("\n\n")
        if _PART_TYPE.search(head):
            headers.set("content-type", SDP_TYPE)
            return content.rstrip("\n").replace("\n", "\r\n") + "\r\n"
    return body


def unfolded(head: str) -> str:
    """Header lines that go on in the next one, each as one (RFC 3261 §7.3.1)."""
    return _FOLD.sub(" ", head)


def header_name(written: str) -> str:
    """The name that we use for a header field."""
    name = written.strip().lower()
    return _COMPACT.get(name, name)


def _split(data: bytes) -> tuple[bytes, bytes]:
    if data[:1] in b"\r\n":
        data = data.lstrip(b"\r\n")
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator or b"\n\n" in head:
        found = _EMPTY_LINE.search(data)
        if found is None:
            raise PeerError("a message without an end of its headers")
        head, body = data[: found.start()], data[found.end() :]
    return head, body


def _odd_lines(text: str) -> list[str]:
    """Lines that end by a bare line feed are usual enough; a bare carriage return could smuggle a header out again."""
    text = text.replace("\r\n", "\n")
    if "\r" in text:
        raise PeerError("a carriage return within a line")
    return text.split("\n")


def _headers(lines: list[str]) -> Headers:
    headers = Headers()
    values = headers.values
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        known = _NAMES.get(name)
        if known is None:
            known = header_name(name)
            if not colon or not known:
                raise Unreadable("Header Line Without A Name", f"a header line without a name: {line[:40]!r}")
        value = value.strip()
        if known in _LISTS and "," in value:
            values.setdefault(known, []).extend(split_list(value))
        elif known in values:
            values[known].append(value)
        else:
            values[known] = [value]
    if not headers.get("via"):
        raise PeerError("no via")
    for needed in _NEEDED:
        found = values.get(needed)
        if not found or len(found) > 1 or not found[0]:
            wrong = "More Than One" if found and len(found) > 1 else "Missing"
            raise Unreadable(f"{wrong} {_PRETTY[needed]}")
    call_id = headers.get("call-id")
    if not (call_id.isascii() and call_id.isprintable()) or len(call_id) > CALL_ID_MAX:
        raise Unreadable("Bad Call-ID", f"a Call-ID of {call_id[:60]!r}")
    return headers


def _first_line(first: str, headers: Headers, body: str) -> Message:
    number, _, method = headers.get("cseq").partition(" ")
    sequence = read_number(number, SEQUENCE_MAX, "CSeq")
    method = method.strip()
    if first.startswith("SIP/2.0 "):
        status, _, reason = first[8:].partition(" ")
        if len(status) != 3 or not 100 <= read_number(status, 999, "status") <= 699:
            raise PeerError(f"a status of {status[:20]!r}")
        if not reason.isprintable():
            reason = "".join(char if char.isprintable() else "?" for char in reason)
        return Response(int(status), reason.strip()[:REASON_MAX], headers, body, sequence, method)
    words = first.split(" ")
    # Its letters may be small (§7.1).
    if len(words) != 3 or words[2].upper() != "SIP/2.0" or not _TOKEN.fullmatch(words[0]) or not words[1]:
        raise Unreadable("Bad Request-Line", f"a first line that is neither request nor response: {first[:60]!r}")
    if method != words[0]:
        raise Unreadable("CSeq Of Another Method", f"a {words[0]} with a CSeq of {method[:20]!r}")
    return Request(words[0], words[1], headers, body, sequence)


def seconds(headers: Headers, name: str, most: int) -> int:
    """What such a field says (`120 (busy);duration=60`), at most this; 0 where it says nothing that can be read."""
    try:
        return min(read_number(headers.get(name).partition(";")[0].partition("(")[0], _SECONDS_MAX, name), most)
    except PeerError:
        return 0


_SECONDS_MAX = 2**31 - 1
"Of a field that counts seconds (RFC 3261 §20.33)."


def read_number(text: str, most: int, what: str) -> int:
    """A decimal number of a peer's, in the field `what`. Raises `Unreadable`."""
    digits = text.strip().lstrip("0") or text.strip()[:1]
    # Ten digits at most, before int() sees them: it refuses thousands of digits with an error of its own.
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 10 or int(digits) > most:
        raise Unreadable(f"Bad {what}", f"a {what} of {text[:20]!r}")
    return int(digits)
