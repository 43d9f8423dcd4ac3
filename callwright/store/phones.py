"""Telephones that register, and their bindings: where each of them is for now."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from callwright.sip.address import Address, Transport
from callwright.sip.challenge import Digest
from callwright.sip.registration import BINDINGS_MAX, Asking
from callwright.store import sip_names
from callwright.store.database import Connection, Database
from callwright.store.deployments import UniqueViolation
from callwright.store.scope import Scope, visible
from callwright.store.sip_names import NameTaken

CHANGED = "callwright_sip"
"Notified when telephones or trunks change: engines read anew whom they answer."


@dataclass(frozen=True, slots=True)
class NewPhone:
    """A telephone as its owner describes it."""

    name: str
    extension: str | None = None
    display_name: str = ""
    enabled: bool = True
    calls_out: bool = False
    digest: Digest = "md5"


@dataclass(frozen=True, slots=True)
class PhoneRow:
    """A telephone of an account: what it is called, and what it may call."""

    id: int
    account_id: int
    user_id: int
    name: str
    "Its user name, which no other telephone of the platform has."

    extension: str | None
    "Digits that the account's telephones, and its applications' transfers, dial."

    display_name: str
    enabled: bool
    calls_out: bool
    "It may call by the account's trunks."

    digest: Digest
    created_at: float
    registered: int
    "Its bindings now."


@dataclass(frozen=True, slots=True)
class KnownPhone:
    """What an engine has to know of a telephone that calls."""

    id: int
    account_id: int
    user_id: int
    name: str
    extension: str | None
    calls_out: bool
    digest: Digest
    sealed_secret: bytes

    @property
    def caller(self) -> str:
        """What those see whom it calls."""
        return self.extension or self.name


@dataclass(frozen=True, slots=True)
class BindingRow:
    """Where a telephone is until it expires."""

    uri: str
    path: tuple[str, ...]
    host: str
    port: int
    transport: Transport
    engine_id: int
    "That has its connection."

    quality: float
    user_agent: str
    registered_at: float
    expires_at: float
    domains: tuple[str, ...] = ()
    "Hosts by which it calls us."

    @property
    def source(self) -> Address:
        return self.host, self.port


class OutOfOrder(Exception):
    """A REGISTER that is older than one that was taken (RFC 3261 §10.3, step 7)."""


_PHONE = """
    SELECT p.id, p.account_id, p.user_id, p.name, p.extension, p.display_name, p.enabled, p.calls_out, p.digest, p.created_at,
        (SELECT count(*) FROM phone_bindings b WHERE b.phone_id = p.id AND b.expires_at > {now}) AS registered
    FROM phones p
"""
_BINDING = """
    SELECT b.uri, b.path, b.host, b.port, b.transport, b.engine_id, b.quality, b.user_agent, b.registered_at, b.expires_at,
        b.domains
    FROM phone_bindings b
"""


async def insert(db: Database, scope: Scope, phone: NewPhone, sealed_secret: bytes, *, most: int) -> int | None:
    """None where the account has `most` already. Raises `UniqueViolation` and `NameTaken`."""
    async with db.transaction() as connection:
        await sip_names.claim(connection, phone.name, of="phones")
        phone_id: int | None = await connection.fetchval(
            """
            INSERT INTO phones (account_id, user_id, name, extension, display_name, enabled, calls_out, digest,
                sealed_secret)
            SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9
            WHERE (SELECT count(*) FROM phones o WHERE o.account_id = $1) < $10 RETURNING id
            """,
            scope.account_id,
            scope.user_id,
            *astuple(phone),
            sealed_secret,
            most,
        )
        await _tell(connection)
    return phone_id


async def update(db: Database, scope: Scope, phone_id: int, phone: NewPhone, sealed_secret: bytes | None) -> bool:
    """`sealed_secret`: None leaves it as it is. One that is disabled, or has another secret, is registered nowhere."""
    mine, who = visible(scope, 1, "p")
    async with db.transaction() as connection:
        await sip_names.claim(connection, phone.name, of="phones")
        found = await connection.fetchval(
            f"""
            UPDATE phones p SET name = $3, extension = $4, display_name = $5, enabled = $6, calls_out = $7,
                digest = $8, sealed_secret = coalesce($9, p.sealed_secret)
            WHERE {mine} AND p.id = $2 RETURNING p.id
            """,
            who,
            phone_id,
            *astuple(phone),
            sealed_secret,
        )
        if found is not None and (sealed_secret is not None or not phone.enabled):
            await connection.execute("DELETE FROM phone_bindings WHERE phone_id = $1", found)
        await _tell(connection)
    return found is not None


async def delete(db: Database, scope: Scope, phone_id: int) -> bool:
    mine, who = visible(scope, 1, "p")
    async with db.transaction() as connection:
        done = await connection.execute(f"DELETE FROM phones p WHERE {mine} AND p.id = $2", who, phone_id)
        await _tell(connection)
    return bool(done != "DELETE 0")


async def listed(db: Database, scope: Scope, *, after: int, limit: int, now: float) -> list[PhoneRow]:
    mine, who = visible(scope, 1, "p")
    rows = await db.pool.fetch(
        f"{_PHONE.format(now='$4')} WHERE {mine} AND p.id > $2 ORDER BY p.id LIMIT $3", who, after, limit, now
    )
    return [PhoneRow(**row) for row in rows]


async def get(db: Database, scope: Scope, phone_id: int, now: float) -> PhoneRow | None:
    mine, who = visible(scope, 1, "p")
    row = await db.pool.fetchrow(f"{_PHONE.format(now='$3')} WHERE {mine} AND p.id = $2", who, phone_id, now)
    return PhoneRow(**row) if row else None


async def bindings(db: Database, scope: Scope, phone_id: int, now: float) -> list[BindingRow]:
    """The best first."""
    mine, who = visible(scope, 1, "p")
    rows = await db.pool.fetch(
        f"""
        {_BINDING} JOIN phones p ON p.id = b.phone_id
        WHERE {mine} AND p.id = $2 AND b.expires_at > $3 ORDER BY b.quality DESC, b.registered_at DESC LIMIT {BINDINGS_MAX}
        """,
        who,
        phone_id,
        now,
    )
    return _bindings(rows)


async def called(db: Database, scope: Scope, dialled: str) -> int | None:
    """The telephone that has this extension or, failing that, this name."""
    mine, who = visible(scope, 1, "p")
    found: int | None = await db.pool.fetchval(
        f"""
        SELECT p.id FROM phones p WHERE {mine} AND p.enabled AND $2 IN (p.extension, p.name)
        ORDER BY p.extension IS NOT DISTINCT FROM $2 DESC LIMIT 1
        """,
        who,
        dialled,
    )
    return found


async def known(db: Database, _: Scope) -> list[KnownPhone]:
    """Every telephone that may register, for an engine."""
    rows = await db.pool.fetch(
        """
        SELECT p.id, p.account_id, p.user_id, p.name, p.extension, p.calls_out, p.digest, p.sealed_secret
        FROM phones p JOIN accounts a ON a.id = p.account_id JOIN users u ON u.id = p.user_id
        WHERE p.enabled AND a.active AND u.active AND u.deleted_at IS NULL
        """
    )
    return [KnownPhone(**row) for row in rows]


async def register(
    db: Database,
    _: Scope,
    phone: KnownPhone,
    asking: Asking,
    *,
    source: Address,
    transport: Transport,
    engine_id: int,
    user_agent: str,
    now: float,
) -> list[BindingRow] | None:
    """Do what a REGISTER asks, all of it or nothing (RFC 3261 §10.3, step 7). The bindings that there are then.

    Past `BINDINGS_MAX` the one that was registered longest ago goes: what a telephone left behind at another port must not
    lock it out. None where the telephone has gone meanwhile. Raises `OutOfOrder`.
    """
    async with db.transaction() as connection:
        # Locks the telephone, so that two REGISTERs of it come one after the other.
        if not await connection.fetchval("SELECT id FROM phones WHERE id = $1 AND enabled FOR UPDATE", phone.id):
            return None
        await connection.execute("DELETE FROM phone_bindings WHERE phone_id = $1 AND expires_at <= $2", phone.id, now)
        keys = None if asking.everything else [asked.key for asked in asking.contacts]
        await _check_order(connection, phone.id, asking, keys)
        gone = keys if keys is None else [asked.key for asked in asking.contacts if not asked.expires_s]
        await connection.execute(
            "DELETE FROM phone_bindings WHERE phone_id = $1 AND ($2::text[] IS NULL OR key = ANY($2))", phone.id, gone
        )
        for asked in asking.contacts:
            if asked.expires_s:
                await connection.execute(
                    """
                    INSERT INTO phone_bindings (phone_id, key, account_id, uri, path, host, port, transport, engine_id,
                        call_id, sequence, quality, user_agent, registered_at, expires_at, domains)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
                    ON CONFLICT (phone_id, key) DO UPDATE SET uri = $4, path = $5, host = $6, port = $7, transport = $8,
                        engine_id = $9, call_id = $10, sequence = $11, quality = $12, user_agent = $13,
                        registered_at = $14, expires_at = $15, domains = $16
                    """,
                    phone.id,
                    asked.key,
                    phone.account_id,
                    asked.uri,
                    list(asking.path),
                    *source,
                    transport,
                    engine_id,
                    asking.call_id,
                    asking.sequence,
                    asked.quality,
                    user_agent,
                    now,
                    now + asked.expires_s,
                    list(asking.domains),
                )
        await connection.execute(
            f"""
            DELETE FROM phone_bindings WHERE phone_id = $1 AND key IN (
                SELECT key FROM phone_bindings WHERE phone_id = $1 ORDER BY registered_at DESC, key OFFSET {BINDINGS_MAX})
            """,
            phone.id,
        )
        return _bindings(
            await connection.fetch(f"{_BINDING} WHERE b.phone_id = $1 ORDER BY b.quality DESC, b.key", phone.id)
        )


async def _check_order(connection: Connection, phone_id: int, asking: Asking, keys: list[str] | None) -> None:
    newest = await connection.fetchval(
        """
        SELECT max(sequence) FROM phone_bindings
        WHERE phone_id = $1 AND call_id = $2 AND ($3::text[] IS NULL OR key = ANY($3))
        """,
        phone_id,
        asking.call_id,
        keys,
    )
    if newest is not None and asking.sequence <= newest:
        raise OutOfOrder


async def forget_expired(db: Database, _: Scope, now: float) -> None:
    await db.pool.execute("DELETE FROM phone_bindings WHERE expires_at <= $1", now)


def _bindings(rows: Sequence[Any]) -> list[BindingRow]:
    return [BindingRow(**{**row, "path": tuple(row["path"]), "domains": tuple(row["domains"])}) for row in rows]


async def _tell(connection: Connection) -> None:
    await connection.execute("SELECT pg_notify($1, '')", CHANGED)


__all__ = [
    "CHANGED", "BindingRow", "KnownPhone", "NameTaken", "NewPhone", "OutOfOrder", "PhoneRow", "UniqueViolation", "bindings",
    "called", "delete", "forget_expired", "get", "insert", "known", "listed", "register", "update",
]  # fmt: skip
