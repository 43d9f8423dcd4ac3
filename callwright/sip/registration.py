"""What a REGISTER asks for, and what is granted (RFC 3261 §10.3): the registrar's rules, without its memory.

A *binding* says where a telephone is for now: its Contact, and the way to it. Behind a NAT the Contact names a place that
nobody can reach, so what counts is where the REGISTER came from (RFC 3581); and where a proxy at the border took it, that
proxy (Path, RFC 3327). A telephone that names itself (`+sip.instance` with `reg-id`, RFC 5626) has one binding for each of
its flows, whatever port it comes from after a restart.
"""

from dataclasses import dataclass

from callwright.base.errors import PeerError
from callwright.sip.address import Address, NameAddress, name_address, split_list, uri, without_fields
from callwright.sip.message import Request, Unreadable, read_number

EXPIRES_S = 3600
"Where a telephone says nothing."

EXPIRES_S_MIN = 60
"A shorter wish is refused with 423 (RFC 3261 §10.3): each REGISTER is work for the database."

EXPIRES_S_MAX = 7200
EXPIRES_S_MAX_BEHIND_NAT = 90
"By UDP from behind a NAT: its mapping is forgotten after a minute or two of silence, and by registering it is used."

BINDINGS_MAX = 10
"Of one telephone: places where the same user is at once."

CONTACT_MAX = 500
"Longest Contact, Path or name of an instance that is kept."

DOMAIN_MAX = 253
"Of a host name (RFC 1035 §2.3.4)."

PATH_MAX = 5
"Proxies between a telephone and us."

ASKED_MAX = 2**31 - 1


class TooBrief(PeerError):
    """It asks for less than `EXPIRES_S_MIN` (423)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One Contact of a REGISTER."""

    uri: str
    "Where requests for the telephone go, as it was written."

    expires_s: int
    "Granted seconds; 0 takes the binding away."

    quality: float
    key: str
    "What a later REGISTER replaces it by: the instance and its flow, else the URI."


@dataclass(frozen=True, slots=True)
class Asking:
    """A REGISTER, read."""

    call_id: str
    sequence: int
    contacts: tuple[Asked, ...]
    "None: it only asks what there is."

    everything: bool
    "`Contact: *`: take all bindings away."

    path: tuple[str, ...]
    "Proxies to go by, the first one first."

    domains: tuple[str, ...] = ()
    "Hosts by which it knows us (`domains`)."


def domains(request: Request) -> tuple[str, ...]:
    """By what hosts a telephone calls us, lower case: those that its REGISTER or INVITE is sent to, and for. It is configured
    with one, which it appends to what is dialled."""
    found: dict[str, None] = {}
    for named in (request.uri, request.headers.get("to")):
        try:
            host = uri(name_address(named).uri).host.lower()
        except PeerError:
            continue
        if 0 < len(host) <= DOMAIN_MAX:
            found[host] = None
    return tuple(found)


def read(request: Request, source: Address, *, reliable: bool) -> Asking:
    """What a REGISTER from this address asks for. Raises `Unreadable` (400) and `TooBrief` (423).

    `reliable`: it came by a connection, which lasts as long as it is used.
    """
    headers = request.headers
    path = tuple(item for value in headers.all("path") for item in split_list(value))
    if len(path) > PATH_MAX or any(len(item) > CONTACT_MAX for item in path):
        raise Unreadable("Path Too Long")
    try:
        for item in path:
            uri(name_address(item).uri)
    except PeerError as error:
        raise Unreadable("Bad Path", str(error)) from None
    values = headers.all("contact")
    everything = "*" in values
    if everything and (len(values) > 1 or headers.get("expires").strip() != "0"):
        # RFC 3261 §10.3, step 6.
        raise Unreadable("Contact Of * Beside Others Or Without An Expires Of 0")
    if len(values) > BINDINGS_MAX:
        raise Unreadable("Too Many Contact Values", f"{len(values)} Contacts")
    default = _seconds(headers.get("expires"), EXPIRES_S)
    contacts = () if everything else tuple(_asked(value, default, source, reliable or bool(path)) for value in values)
    return Asking(headers.get("call-id"), request.sequence, contacts, everything, path, domains(request))


def _asked(value: str, default_s: int, source: Address, reachable: bool) -> Asked:
    if "<" not in value and "?" in value:
        # Nobody knows whether what follows is the URI's or the Contact's (RFC 3261 §20.10).
        raise Unreadable("Bad Contact", f"a URI with header fields outside of brackets: {value[:60]!r}")
    try:
        contact = name_address(value)
        there = uri(contact.uri)
    except PeerError as error:
        raise Unreadable("Bad Contact", str(error)) from None
    if not there.host or len(contact.uri) > CONTACT_MAX:
        raise Unreadable("Bad Contact", f"a Contact that is no place: {value[:60]!r}")
    expires_s = _seconds(contact.parameters.get("expires", ""), default_s)
    if 0 < expires_s < EXPIRES_S_MIN:
        raise TooBrief(f"an expiry of {expires_s} s")
    behind_nat = not reachable and (there.host, there.port) != source
    most = EXPIRES_S_MAX_BEHIND_NAT if behind_nat else EXPIRES_S_MAX
    return Asked(contact.uri, min(expires_s, most), _quality(contact), _key(contact))


def _seconds(text: str, default_s: int) -> int:
    """What is no number counts as not said (RFC 3261 §10.2.1.1)."""
    try:
        return read_number(text, ASKED_MAX, "expiry") if text else default_s
    except PeerError:
        return default_s


def _quality(contact: NameAddress) -> float:
    try:
        return min(max(float(contact.parameters.get("q") or 1), 0.0), 1.0)
    except ValueError:
        return 1.0


def _key(contact: NameAddress) -> str:
    instance, flow = contact.parameters.get("+sip.instance", ""), contact.parameters.get("reg-id", "")
    if instance and flow.isascii() and flow.isdecimal() and len(instance) + len(flow) < CONTACT_MAX:
        return f"{instance} {flow}"
    return contact.uri


@dataclass(frozen=True, slots=True)
class Way:
    """How a telephone is reached: what its INVITE says, and where that goes."""

    uri: str
    to: Address
    route: tuple[str, ...] = ()
    "Values of Route."


def way_to(contact: str, source: Address, path: tuple[str, ...]) -> Way | None:
    """From a binding: by its Path, else to where its REGISTER came from. None where the Path begins at no IP address."""
    contact = without_fields(contact)
    if not path:
        return Way(contact, source)
    first = uri(name_address(path[0]).uri)
    return Way(contact, first.address, path) if first.address is not None else None


def contact_value(contact: str, expires_s: int, quality: float) -> str:
    """A binding as the 200 names it."""
    weight = f";q={quality:g}" if quality != 1.0 else ""
    return f"<{contact}>;expires={expires_s}{weight}"
