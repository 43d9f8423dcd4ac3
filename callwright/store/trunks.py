"""Trunks. A change re-routes the calls that still wait."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from callwright.sip.address import Transport
from callwright.sip.caller_id import CallerPolicy, FromUser
from callwright.sip.challenge import Digest
from callwright.store import sip_names
from callwright.store.database import Connection, Database
from callwright.store.phones import CHANGED
from callwright.store.scope import Scope


@dataclass(frozen=True, slots=True)
class TrunkRow:
    """A SIP peer that takes the calls of one account to the numbers that begin with `prefix`."""

    id: int
    name: str
    host: str
    "Empty: nobody knows where it is, and no calls go to it; its own it proves."

    port: int
    prefix: str
    channels: int
    calls_per_second: float
    caller_id: str
    enabled: bool
    username: str = ""
    "For a peer that challenges; empty where it knows us by our address."

    sealed_password: bytes | None = None
    transport: Transport = "udp"
    addresses: Sequence[str] = ()
    "CIDRs that its calls come from too, beside its host's."

    registers: bool = False
    "We register with it, as `username`."

    register_expires_s: int = 3600
    deployment_id: int | None = None
    "Takes its calls that no number takes."

    from_user: FromUser = "caller"
    asserts_identity: bool = False
    remote_party_id: bool = False
    withholds_caller: bool = False
    trusts_identity: bool = False
    "Its callers are who it asserts them to be (P-Asserted-Identity)."

    srtp: bool = False
    "It is offered SRTP, and nothing else."

    codecs: Sequence[str] = ()
    "That are offered to it and taken of its offers, by name and in this order; none: those of the engine."

    certificate_authority: str = ""
    "In PEM: by TLS it alone may have signed the trunk's certificate. Empty: those that the engine's machine trusts."

    peer_username: str = ""
    "Its calls are challenged, wherever they come from, and show this name; empty: only its addresses tell whose they are."

    sealed_peer_secret: bytes | None = None
    peer_digest: Digest = "md5"

    @property
    def policy(self) -> CallerPolicy:
        """What it is told of callers."""
        return CallerPolicy(self.from_user, self.asserts_identity, self.remote_party_id, self.withholds_caller)


@dataclass(frozen=True, slots=True)
class Registration:
    """How our registration with a trunk stands."""

    trunk_id: int
    state: str
    reason: str
    expires_at: float | None
    changed_at: float


@dataclass(frozen=True, slots=True)
class KnownTrunk:
    """What an engine has to know of a trunk that calls come in by."""

    id: int
    account_id: int
    host: str
    port: int
    transport: Transport
    addresses: Sequence[str]
    deployment_id: int | None
    trusts_identity: bool
    codecs: Sequence[str]
    contact: str | None
    "User of our Contact there; None where we do not register with it."

    peer_username: str
    sealed_peer_secret: bytes | None
    peer_digest: Digest


_COLUMNS = (
    "id, name, host, port, prefix, channels, calls_per_second, caller_id, enabled, username, sealed_password, transport, "
    "addresses, registers, register_expires_s, deployment_id, from_user, asserts_identity, remote_party_id, "
    "withholds_caller, trusts_identity, srtp, codecs, certificate_authority, peer_username, sealed_peer_secret, peer_digest"
)

TRUNK_FOR = """
    (SELECT t.id FROM trunks t WHERE t.account_id = {account} AND t.enabled AND t.host <> ''
     AND starts_with({number}, t.prefix) AND NOT starts_with({number}, 'sip:')
     ORDER BY length(t.prefix) DESC, t.id LIMIT 1)
"""
"The trunk that a number of an account goes by; the longest prefix wins. Telephones (`sip:`) need none."

_REROUTE = f"""
    WITH locked AS (
        SELECT c.id FROM outbound_calls c WHERE c.account_id = $1 AND c.status = 'queued' AND c.attempt_id IS NULL
        ORDER BY c.id FOR NO KEY UPDATE
    )
    UPDATE outbound_calls c SET trunk_id = {TRUNK_FOR.format(account="c.account_id", number="c.dialled")}
    -- Not a join: where few were queued when the planner last looked, it would compare each with all.
    WHERE c.id = ANY(ARRAY(SELECT id FROM locked))
"""


def _values(trunk: TrunkRow) -> tuple[object, ...]:
    """Every column but the id."""
    return astuple(trunk)[1:]


async def insert(db: Database, scope: Scope, trunk: TrunkRow) -> int:
    """Raises `UniqueViolation` or `NameTaken` where somebody has its `peer_username`."""
    async with db.transaction() as connection:
        await _claim_name(connection, trunk)
        trunk_id: int = await connection.fetchval(
            """
            INSERT INTO trunks (account_id, name, host, port, prefix, channels, calls_per_second, caller_id, enabled,
                                username, sealed_password, transport, addresses, registers, register_expires_s, deployment_id,
                from_user, asserts_identity, remote_party_id, withholds_caller, trusts_identity,
                srtp, codecs, certificate_authority, peer_username, sealed_peer_secret, peer_digest)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                $23, $24, $25, $26, $27)
            RETURNING id
            """,
            scope.account_id,
            *_values(trunk),
        )
        await _reroute(connection, scope)
    return trunk_id


async def update(db: Database, scope: Scope, trunk: TrunkRow, *, keep_password: bool, keep_peer_secret: bool) -> bool:
    """Raises as `insert` does."""
    async with db.transaction() as connection:
        await _claim_name(connection, trunk)
        done = await connection.execute(
            """
            UPDATE trunks SET name = $3, host = $4, port = $5, prefix = $6, channels = $7, calls_per_second = $8,
                              caller_id = $9, enabled = $10, username = $11,
                              sealed_password = CASE WHEN $29 THEN sealed_password ELSE $12 END, transport = $13,
                              addresses = $14, registers = $15, register_expires_s = $16, deployment_id = $17,
                              from_user = $18, asserts_identity = $19, remote_party_id = $20, withholds_caller = $21,
                              trusts_identity = $22, srtp = $23, codecs = $24, certificate_authority = $25,
                              peer_username = $26, peer_digest = $28,
                              sealed_peer_secret = CASE WHEN $30 THEN sealed_peer_secret ELSE $27 END
            WHERE account_id = $1 AND id = $2
            """,
            scope.account_id,
            trunk.id,
            *_values(trunk),
            keep_password,
            keep_peer_secret,
        )
        await _reroute(connection, scope)
    return bool(done != "UPDATE 0")


async def delete(db: Database, scope: Scope, trunk_id: int) -> bool:
    async with db.transaction() as connection:
        done = await connection.execute(
            "DELETE FROM trunks WHERE account_id = $1 AND id = $2", scope.account_id, trunk_id
        )
        await _reroute(connection, scope)
    return bool(done != "DELETE 0")


async def listed(db: Database, scope: Scope) -> list[TrunkRow]:
    rows = await db.pool.fetch(
        f"SELECT {_COLUMNS} FROM trunks WHERE account_id = $1 ORDER BY id LIMIT 1000", scope.account_id
    )
    return [TrunkRow(**row) for row in rows]


async def for_number(db: Database, scope: Scope, number: str) -> TrunkRow | None:
    """The trunk that a number of the account goes by; None where there is none."""
    row = await db.pool.fetchrow(
        f"SELECT {_COLUMNS} FROM trunks WHERE id = {TRUNK_FOR.format(account='$1', number='$2')}",
        scope.account_id,
        number,
    )
    return TrunkRow(**row) if row else None


async def registrations(db: Database, scope: Scope) -> list[Registration]:
    """Of the account's trunks that we register with."""
    rows = await db.pool.fetch(
        """
        SELECT r.trunk_id, r.state, r.reason, r.expires_at, r.changed_at
        FROM trunk_registrations r JOIN trunks t ON t.id = r.trunk_id WHERE r.account_id = $1 AND t.registers
        """,
        scope.account_id,
    )
    return [Registration(**row) for row in rows]


async def known(db: Database, _: Scope) -> list[KnownTrunk]:
    """Every trunk that calls may come in by, for an engine."""
    rows = await db.pool.fetch(
        """
        SELECT t.id, t.account_id, t.host, t.port, t.transport, t.addresses, t.deployment_id,
            t.trusts_identity, t.codecs, t.peer_username, t.sealed_peer_secret, t.peer_digest,
            CASE WHEN t.registers THEN r.contact END AS contact
        FROM trunks t JOIN accounts a ON a.id = t.account_id LEFT JOIN trunk_registrations r ON r.trunk_id = t.id
        WHERE t.enabled AND a.active ORDER BY t.id
        """
    )
    return [KnownTrunk(**row) for row in rows]


async def _claim_name(connection: Connection, trunk: TrunkRow) -> None:
    if trunk.peer_username:
        await sip_names.claim(connection, trunk.peer_username, of="trunks")


async def _reroute(connection: Connection, scope: Scope) -> None:
    await connection.execute(_REROUTE, scope.account_id)
    await connection.execute("SELECT pg_notify('callwright_due', ''), pg_notify($1, '')", CHANGED)
