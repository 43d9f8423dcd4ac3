"""Trunks: the SIP peers that outbound calls go by, and that calls come in from.

A trunk's secrets lie sealed in the database, and no surface shows them: `password`, with which we prove who we are to it, and
the one with which it proves its calls to us.
"""

import re
import ssl
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network

from callwright.base import phone_numbers
from callwright.base.errors import NotFound, ProviderError, RequestError
from callwright.base.trust import trusting
from callwright.media.codec import CODECS, Codec
from callwright.media.codecs import spoken
from callwright.services import deployments, phones
from callwright.sip.digest import Credentials
from callwright.store import trunks as store
from callwright.store.database import Database
from callwright.store.phones import UniqueViolation
from callwright.store.scope import PLATFORM, Scope
from callwright.store.sip_names import NameTaken
from callwright.store.trunks import KnownTrunk, Registration, TrunkRow

CHANNELS_MAX = 10_000
CALLS_PER_SECOND_MAX = 1000.0
PASSWORD_MAX = 200
REGISTER_S_MIN, REGISTER_S_MAX = 60, 86_400
"How long we ask a trunk to keep us registered."

ADDRESSES_MAX = 50
"Of one trunk: a carrier names its networks, not its machines."

PREFIX_MIN = {4: 16, 6: 32}
"""Of such a network, by the version of IP, unless it is a private one: no carrier has a larger one for its SIP servers, and the
platform has other accounts, whose calls may come from there."""

AUTHORITY_MAX = 20_000
"Characters of a certificate authority in PEM: a chain of a few certificates."

HIDDEN = "***"
"Stands for a password that is kept as it is."

_HOST = re.compile(r"[A-Za-z0-9.:_-]{1,253}")
_USERNAME = re.compile(r'[^\x00-\x1f\x7f"\\]{0,100}')
_SEALED_FOR = "trunk password"
_PEER_SEALED_FOR = "trunk peer secret"


async def create(db: Database, scope: Scope, trunk: TrunkRow, password: str = "", peer_secret: str = "") -> int:
    """A new trunk (its id is ignored); waiting calls that it fits go by it."""
    await _check_deployment(db, scope, trunk)
    checked = _with_peer_secret(db, _checked(db, trunk, password), peer_secret)
    try:
        return await store.insert(db, scope, checked)
    except (UniqueViolation, NameTaken):
        raise _taken(trunk) from None


async def update(
    db: Database, scope: Scope, trunk_id: int, trunk: TrunkRow, password: str = "", peer_secret: str = HIDDEN
) -> None:
    """`password`: `HIDDEN` leaves the one that is kept, empty takes it away. `peer_secret`: both leave it, as long as it has a
    `peer_username`."""
    await _check_deployment(db, scope, trunk)
    keep = password == HIDDEN
    checked = _checked(db, replace(trunk, id=trunk_id), "" if keep else password)
    keep_peer_secret = (
        bool(trunk.peer_username) and peer_secret in ("", HIDDEN) and await _has_secret(db, scope, trunk_id)
    )
    if not keep_peer_secret:
        checked = _with_peer_secret(db, checked, "" if peer_secret == HIDDEN else peer_secret)
    try:
        found = await store.update(db, scope, checked, keep_password=keep, keep_peer_secret=keep_peer_secret)
    except (UniqueViolation, NameTaken):
        raise _taken(trunk) from None
    if not found:
        raise NotFound("trunk")


async def delete(db: Database, scope: Scope, trunk_id: int) -> None:
    """Calls that waited for it go by another trunk, or are rejected when they are due."""
    if not await store.delete(db, scope, trunk_id):
        raise NotFound("trunk")


async def listed(db: Database, scope: Scope) -> list[TrunkRow]:
    return await store.listed(db, scope)


def dialled(address: str) -> str:
    """What somebody dialled as trunks are given it: digits; empty where it is no telephone number."""
    number = phone_numbers.parse(address)
    return number.dialled if number else ""


async def for_number(db: Database, scope: Scope, number: str) -> TrunkRow | None:
    return await store.for_number(db, scope, number)


async def registrations(db: Database, scope: Scope) -> dict[int, Registration]:
    """How the registrations stand, by trunk."""
    return {one.trunk_id: one for one in await store.registrations(db, scope)}


async def known(db: Database) -> list[KnownTrunk]:
    """For the engine: every trunk that calls may come in by."""
    return await store.known(db, PLATFORM)


def credentials(db: Database, username: str, sealed_password: bytes | None) -> Credentials | None:
    """What answers a trunk's challenges; None where it has no user. Raises `ProviderError` where the seal does not open."""
    if not username:
        return None
    password = "" if sealed_password is None else db.sealer.unseal(sealed_password, _SEALED_FOR).decode()
    return Credentials(username, password)


def peer_secret_of(db: Database, trunk: KnownTrunk) -> str:
    """With which it proves its calls. Raises `ProviderError` where the seal does not open."""
    assert trunk.sealed_peer_secret is not None
    return db.sealer.unseal(trunk.sealed_peer_secret, _PEER_SEALED_FOR).decode()


def codecs_of(names: Sequence[str]) -> tuple[type[Codec], ...]:
    """What is spoken with a trunk that names these; none: what is spoken with everybody. Raises `ProviderError` where this machine
    speaks none of them."""
    try:
        return spoken(names) if names else ()
    except ValueError as error:
        raise ProviderError(f"The trunk's codecs are not installed: {error}") from None


def _checked(db: Database, trunk: TrunkRow, password: str) -> TrunkRow:
    """With its password sealed."""
    _check(trunk)
    trunk = replace(trunk, addresses=_networks(trunk.addresses), codecs=_codecs(trunk.codecs))
    if len(password) > PASSWORD_MAX or not password.isprintable():
        raise RequestError(400, f"password must be at most {PASSWORD_MAX} printable characters.", field="password")
    if password == HIDDEN:
        raise RequestError(400, f"password must not be {HIDDEN}, which stands for one that is kept.", field="password")
    return replace(trunk, sealed_password=db.sealer.seal(password.encode(), _SEALED_FOR)) if password else trunk


async def _has_secret(db: Database, scope: Scope, trunk_id: int) -> bool:
    """Raises `NotFound`."""
    for row in await store.listed(db, scope):
        if row.id == trunk_id:
            return row.sealed_peer_secret is not None
    raise NotFound("trunk")


def _with_peer_secret(db: Database, trunk: TrunkRow, secret: str) -> TrunkRow:
    if not trunk.peer_username:
        if secret:
            raise RequestError(400, "peer_username must be given with a peer_secret.", field="peer_username")
        return trunk
    sealed = db.sealer.seal(phones.checked_secret(secret, "peer_secret").encode(), _PEER_SEALED_FOR)
    return replace(trunk, sealed_peer_secret=sealed)


def _taken(trunk: TrunkRow) -> RequestError:
    return RequestError(409, f"The name {trunk.peer_username} is taken.", field="peer_username")


async def _check_deployment(db: Database, scope: Scope, trunk: TrunkRow) -> None:
    """Its calls reach no deployment but the account's own."""
    if trunk.deployment_id is not None:
        await deployments.get(db, scope, trunk.deployment_id)


def _networks(addresses: Sequence[str]) -> list[str]:
    """As CIDRs. An address is the network of itself."""
    if len(addresses) > ADDRESSES_MAX:
        raise RequestError(400, f"addresses must be at most {ADDRESSES_MAX}.", field="addresses")
    try:
        networks = [ip_network(address, strict=False) for address in addresses]
    except ValueError as error:
        raise RequestError(
            400, f"addresses must be IP networks such as 203.0.113.0/24: {error}.", field="addresses"
        ) from None
    if wide := next((one for one in networks if one.prefixlen < PREFIX_MIN[one.version] and not one.is_private), None):
        raise RequestError(
            400,
            f"addresses must be private, or networks of /{PREFIX_MIN[wide.version]} or smaller: {wide} is larger.",
            field="addresses",
        )
    return [str(network) for network in networks]


def _codecs(names: Sequence[str]) -> list[str]:
    known = [name.strip().lower() for name in names]
    if len(set(known)) < len(known) or any(name not in CODECS for name in known):
        raise RequestError(400, f"codecs must be of {', '.join(CODECS)}, each at most once.", field="codecs")
    return known


def _check_authority(trunk: TrunkRow) -> None:
    """It is asked with each call: what it does not understand must not come that far."""
    pem, field = trunk.certificate_authority, "certificate_authority"
    if not pem:
        return
    if trunk.transport != "tls":
        raise RequestError(400, f"{field} needs the transport tls.", field=field)
    if len(pem) > AUTHORITY_MAX:
        raise RequestError(400, f"{field} must be at most {AUTHORITY_MAX} characters.", field=field)
    if "PRIVATE KEY" in pem:
        raise RequestError(400, f"{field} holds a private key, which is nobody's but the authority's.", field=field)
    try:
        trusting(pem)
    except (ssl.SSLError, ValueError) as error:
        wrong = getattr(error, "reason", None) or str(error)
        raise RequestError(400, f"{field} must be certificates in PEM: {wrong}.", field=field) from None


def _check(trunk: TrunkRow) -> None:
    _check_authority(trunk)
    for field, good, text in (
        (
            "host",
            _HOST.fullmatch(trunk.host) is not None or not (trunk.host or trunk.registers or not trunk.peer_username),
            "must be a host name or an IP address; none only for a trunk with a peer_username, which is not called",
        ),
        (
            "peer_username",
            not trunk.peer_username or phones.NAME.fullmatch(trunk.peer_username) is not None,
            "must be 1 to 64 letters, digits, dots, dashes or underscores",
        ),
        (
            "addresses",
            not (trunk.addresses and trunk.peer_username),
            "must be empty for a trunk with a peer_username: its calls prove it, wherever they come from",
        ),
        ("port", 0 <= trunk.port <= 65535, "must be between 0 and 65535"),
        (
            "prefix",
            len(trunk.prefix) <= 15 and (not trunk.prefix or trunk.prefix.isdecimal()),
            "must be at most 15 digits",
        ),
        ("channels", 1 <= trunk.channels <= CHANNELS_MAX, f"must be between 1 and {CHANNELS_MAX}"),
        (
            "calls_per_second",
            0.01 <= trunk.calls_per_second <= CALLS_PER_SECOND_MAX,
            f"must be between 0.01 and {CALLS_PER_SECOND_MAX:g}",
        ),
        (
            "username",
            _USERNAME.fullmatch(trunk.username) is not None,
            "must be at most 100 characters, without quotes and backslashes",
        ),
        ("srtp", not trunk.srtp or trunk.transport == "tls", "needs the transport tls: others would show its keys"),
        ("username", bool(trunk.username) or not trunk.registers, "must be given for a trunk that we register with"),
        (
            "register_expires_s",
            REGISTER_S_MIN <= trunk.register_expires_s <= REGISTER_S_MAX,
            f"must be between {REGISTER_S_MIN} and {REGISTER_S_MAX}",
        ),
    ):
        if not good:
            raise RequestError(400, f"{field} {text}.", field=field)
