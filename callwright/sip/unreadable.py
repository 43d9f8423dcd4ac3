"""Requests that cannot be read: what is said to whoever sent one (RFC 3261 §8.2, §21.4.1; RFC 4475 §3.1.2, §3.3).

An answer goes by Via, and its sender finds what it belongs to by From, To, Call-ID and CSeq. Where a request shows all five, it
gets 400 with a reason phrase that names what is wrong, 505 in another version of SIP, 513 where it is too long. Where it does
not, or where a line may end elsewhere for its sender than for us, there is nobody to answer safely, and it is dropped; so are
answers, and ACK, which has none (§17.1.1.3). It is looked at anew, and more leniently than by `message.parse`: only requests that
failed there come here.
"""

import re
from collections.abc import Callable

from callwright.base.errors import PeerError
from callwright.sip.address import Address, name_address, split_list
from callwright.sip.message import (
    HEADERS_MAX,
    MESSAGE_BYTES_MAX,
    REASONS,
    Request,
    Response,
    Unreadable,
    header_name,
    unfolded,
)

_METHOD = re.compile(r"[A-Za-z0-9.!%*_+`'~-]{1,64}")
_VERSION = re.compile(r"SIP/([0-9]{1,5}\.[0-9]{1,5})", re.I)
_SHOWN_MAX = 500
"Longest From, To, Call-ID or CSeq that is said again."

_NEEDED = ("from", "to", "call-id", "cseq")


def refusal(
    data: bytes, source: Address, error: PeerError, tag: Callable[[str], str]
) -> tuple[Request, Response] | None:
    """What can be seen of a request that failed with this error, and the answer to it; None where it gets none. `tag` makes
    one of a text, always the same: the request that comes again gets the same answer."""
    read = _shown(data)
    if read is None:
        return None
    request, version = read
    status, reason = _wrong_with(request, error) if version == "2.0" else (505, "")
    if not status:
        return None
    request.received(*source)
    answer = Response(status, reason or REASONS[status])
    for name in ("via", *_NEEDED):
        answer.headers.set(name, *request.headers.all(name))
    if not _has_tag(to := request.headers.get("to")):
        answer.headers.set("to", f"{to};tag={tag(request.headers.get('call-id') + request.via.branch)}")
    return request, answer


def _wrong_with(request: Request, error: PeerError) -> tuple[int, str]:
    """A status of 0: it could be read, and failed later on."""
    if isinstance(error, Unreadable):
        return error.status, error.reason
    for name, shown in (("from", "Bad From"), ("to", "Bad To")):
        try:
            name_address(request.headers.get(name))
        except PeerError:
            return 400, shown
    return 0, ""


def _shown(data: bytes) -> tuple[Request, str] | None:
    """A request with the header fields that an answer needs, and its version."""
    head, ends = _head(data)
    if not ends and len(data) <= MESSAGE_BYTES_MAX:
        # Cut off: nobody knows what else it said.
        return None
    text = unfolded(head.decode("utf-8", "surrogateescape")).replace("\r\n", "\n")
    if "\0" in text or "\r" in text:
        return None
    first, *lines = text.split("\n")
    words = first.split()
    version = _VERSION.fullmatch(words[-1]) if len(words) > 2 and _METHOD.fullmatch(words[0]) else None
    if version is None:
        return None
    request = Request(words[0], "")
    values = request.headers.values
    for line in lines[:HEADERS_MAX]:
        name, _, value = line.partition(":")
        name, value = header_name(name), value.strip()
        if name == "via":
            values.setdefault(name, []).extend(split_list(value))
        elif name in _NEEDED and value:
            values.setdefault(name, [value])
    if any(not 0 < len(request.headers.get(name)) <= _SHOWN_MAX for name in _NEEDED):
        return None
    sequence = request.headers.get("cseq").split()
    if len(sequence) < 2 or not _METHOD.fullmatch(sequence[-1]) or "ACK" in (sequence[-1], request.method):
        return None
    try:
        _ = request.via
    except PeerError:
        return None
    return request, version[1]


def _head(data: bytes) -> tuple[bytes, bool]:
    """The lines before the body, and whether they end; of those that do not, the whole ones."""
    text = data[:MESSAGE_BYTES_MAX].lstrip(b"\r\n")
    end = re.search(rb"\r?\n\r?\n", text)
    return (text[: end.start()], True) if end else (text[: max(text.rfind(b"\r\n"), 0)], False)


def _has_tag(to: str) -> bool:
    try:
        return bool(name_address(to).tag)
    except PeerError:
        return ";tag=" in to.replace(" ", "").lower()
