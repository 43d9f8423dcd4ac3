"""The parts of header values: Via, addresses with names, SIP URIs (RFC 3261 §19.1, §20, §25). All raise `PeerError`."""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address
from typing import Literal
from urllib.parse import quote, unquote

from callwright.base.errors import PeerError

DEFAULT_PORT = 5060
DEFAULT_TLS_PORT = 5061
Address = tuple[str, int]
"IP address and port."

Transport = Literal["udp", "tcp", "tls"]

EVERYWHERE = ("0.0.0.0", "::")
"Where to listen at all addresses: at those of IPv4, or at those of IPv6 as well."

_HOST_PORT = re.compile(r"\[([0-9A-Fa-f:.]{2,45})\](?::([0-9]{1,5}))?|([A-Za-z0-9._-]{1,255})(?::([0-9]{1,5}))?")
_VIA = re.compile(r"SIP\s*/\s*2\.0\s*/\s*[A-Z-]{1,20}\s+(.*)", re.I | re.S)
_USER_SAFE = "-_.!~*'()&=+$,;?/"
"What a user part may hold unescaped, beside letters and digits (RFC 3261 §25.1)."

_NOT_IN_URI = re.compile(r"[\x00-\x20<>\"\x7f]")


def split_list(value: str) -> list[str]:
    """A comma-separated header value, where commas in quotes and angle brackets do not count."""
    return [item for item in (part.strip() for part in _split_outside(value, ",")) if item]


def _split_outside(value: str, separator: str) -> list[str]:
    """Split where the separator stands outside of quotes and angle brackets."""
    if '"' not in value and "<" not in value:
        return value.split(separator)
    items: list[str] = []
    begun = depth = 0
    quoted = escaped = False
    for at, char in enumerate(value):
        if escaped:
            escaped = False
        elif quoted:
            escaped = char == "\\"
            quoted = char != '"'
        elif char == '"':
            quoted = True
        elif char == "<":
            depth += 1
        elif char == ">":
            depth -= 1
        elif char == separator and depth <= 0:
            items.append(value[begun:at])
            begun = at + 1
    items.append(value[begun:])
    return items


def parameters(text: str) -> dict[str, str]:
    """`;a=b;c` as {"a": "b", "c": ""}; names in lower case, the first of a name counts."""
    found: dict[str, str] = {}
    if not text:
        return found
    for item in text.split(";") if '"' not in text else _split_outside(text, ";"):
        name, _, value = item.partition("=")
        if (name := name.strip().lower()) and name not in found:
            found[name] = value.strip().strip('"')
    return found


def host_port(text: str) -> tuple[str, int]:
    """`host`, `host:port`, `[::1]:port`; the brackets fall away, and an IPv6 address has its usual form. Raises `PeerError`."""
    found = _HOST_PORT.fullmatch(text)
    if found is None:
        raise PeerError(f"no host and port: {text[:60]!r}")
    port = int(found[2] or found[4] or DEFAULT_PORT)
    if not 0 < port < 65536:
        raise PeerError(f"a port of {port}")
    return plain_ip(found[1]) if found[1] else found[3], port


def is_ip(host: str) -> bool:
    """Whether a host is an IP address: nothing else is ever given to a socket, which would ask a name server."""
    if ":" in host:
        try:
            return IPv6Address(host).scope_id is None
        except AddressValueError:
            return False
    parts = host.split(".")
    return len(parts) == 4 and all(
        part.isascii() and part.isdecimal() and len(part) <= 3 and int(part) < 256 for part in parts
    )


def plain_ip(host: str) -> str:
    """An IP address in its usual form, as the system tells it; an IPv4 one that is written as IPv6 (`::ffff:192.0.2.1`, RFC 4291
    §2.5.5.2) is IPv4. Any other host stays as it is."""
    if ":" not in host:
        return host
    try:
        address = IPv6Address(host)
    except AddressValueError:
        return host
    return str(address.ipv4_mapped or address)


def bracketed(host: str) -> str:
    """A host as it stands in a URI or Via."""
    return f"[{host}]" if ":" in host else host


def written(address: Address) -> str:
    """`192.0.2.1:5060`, `[2001:db8::1]:5060`: as people read it, and `host_port`."""
    return f"{bracketed(address[0])}:{address[1]}"


@dataclass(frozen=True, slots=True)
class Via:
    """The topmost Via: where a response goes (RFC 3261 §18.2.2, RFC 3581)."""

    text: str
    host: str
    port: int
    parameters: dict[str, str]

    @property
    def branch(self) -> str:
        return self.parameters.get("branch", "")

    @property
    def rport(self) -> bool:
        """The sender asks for answers to the port that it sent from."""
        return "rport" in self.parameters

    def received(self, host: str, port: int) -> str | None:
        """This Via with `received` and `rport` filled in, whatever its sender says of them; None where it already says all."""
        if not self.rport and self.host == host and "received" not in self.parameters:
            return None
        sent_by, _, rest = self.text.partition(";")
        kept = [
            item
            for item in rest.split(";")
            if item and item.partition("=")[0].strip().lower() not in ("rport", "received")
        ]
        if self.rport:
            kept.append(f"rport={port}")
        return ";".join([sent_by, *kept, f"received={host}"])


def read_via(text: str) -> Via:
    """Raises `PeerError`."""
    if text.startswith("SIP/2.0/UDP "):
        rest = text[12:]
    else:
        found = _VIA.fullmatch(text)
        if found is None:
            raise PeerError(f"a Via that cannot be read: {text[:60]!r}")
        rest = found[1]
    where, _, options = rest.partition(";")
    where = where.strip()
    if " " in where or "\t" in where:
        where = "".join(where.split())
    host, port = host_port(where)
    if port == DEFAULT_PORT and ":" not in where.rpartition("]")[2] and "/TLS" in text[:20].upper():
        port = DEFAULT_TLS_PORT
    return Via(text, host, port, parameters(options))


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
    begun = value.find("<", _end_of_quote(value) if value.startswith('"') else 0)
    if begun >= 0:
        ended = value.find(">", begun)
        if ended < 0:
            raise PeerError(f"an address without its end: {value[:60]!r}")
        return NameAddress(value[begun + 1 : ended].strip(), parameters(value[ended + 1 :]))
    uri, _, rest = value.partition(";")
    if not uri.strip() or uri.startswith('"'):
        raise PeerError(f"a name without an address: {value[:60]!r}")
    return NameAddress(uri.strip(), parameters(rest))


def _end_of_quote(value: str) -> int:
    at = 1
    while at < len(value) and value[at] != '"':
        at += 2 if value[at] == "\\" else 1
    return at


_PORT = re.compile(r":[0-9]{1,5}(?:[;?]|$)")


@dataclass(frozen=True, slots=True)
class Uri:
    """A SIP URI (RFC 3261 §19.1), as far as routing needs it. A tel URI has an empty host."""

    user: str
    "Unescaped, without a password; printable text that any database takes."

    host: str
    port: int
    parameters: dict[str, str]

    @property
    def transport(self) -> Transport | None:
        """That it asks for (RFC 3263 §4.1); None where it asks for none, or for one that we do not speak."""
        asked = self.parameters.get("transport", "").lower()
        return asked if asked in ("udp", "tcp", "tls") else None  # type: ignore[return-value]

    @property
    def address(self) -> Address | None:
        """Where requests to it go; None where that takes a name server."""
        return (self.host, self.port) if is_ip(self.host) else None


def uri(text: str) -> Uri:
    """Raises `PeerError`, also for any other scheme."""
    scheme, _, rest = text.partition(":")
    scheme = scheme.lower()
    if _NOT_IN_URI.search(text):
        raise PeerError(f"a character that no URI has: {text[:60]!r}")
    if scheme == "tel":
        number, _, options = rest.partition(";")
        return Uri(_user(number), "", DEFAULT_PORT, parameters(options))
    if scheme not in ("sip", "sips"):
        raise PeerError(f"a URI that is not SIP: {text[:60]!r}")
    # The user part may hold semicolons and question marks of its own, so it goes first.
    user, at, where = rest.rpartition("@")
    where, _, options = where.partition("?")[0].partition(";")
    host, port = host_port(where)
    told = parameters(options)
    if (scheme == "sips" or told.get("transport", "").lower() == "tls") and where.rpartition(":")[2] != str(port):
        port = DEFAULT_TLS_PORT
    return Uri(_user(user.partition(":")[0]) if at else "", host, port, told)


def named_port(text: str) -> int:
    """The port that a URI names; 0 where it names none, so that DNS says (RFC 3263 §4.2). Raises `PeerError`."""
    return uri(text).port if _PORT.search(text) else 0


def without_fields(text: str) -> str:
    """A URI without the header fields behind it (`?…`), which no Request-URI has (RFC 3261 §19.1.1)."""
    if "?" not in text:
        return text
    user, at, where = text.rpartition("@")
    return f"{user}{at}{where.partition('?')[0]}"


def user_of(text: str) -> str:
    """The user part of a URI; empty where there is none, or it is no SIP URI."""
    try:
        return uri(text).user
    except PeerError:
        return ""


def _user(escaped: str) -> str:
    user = unquote(escaped)
    if not user.isprintable():
        raise PeerError(f"a user part that cannot be printed: {escaped[:60]!r}")
    return user


def sip_uri(user: str, host: str, port: int) -> str:
    """A user at a host; a port of 0 is left to DNS."""
    return f"sip:{user}@{bracketed(host)}{f':{port}' if port else ''}"


def user_part(text: str) -> str:
    """Any text as the user part of a URI."""
    return quote(text, safe=_USER_SAFE)


__all__ = [
    "EVERYWHERE", "Address", "NameAddress", "Transport", "Uri", "Via", "bracketed", "host_port", "is_ip", "name_address",
    "parameters", "plain_ip", "read_via", "sip_uri", "split_list", "uri", "user_part", "without_fields",
    "written",
]  # fmt: skip
