"""Trunks that we register with: which engine does it, by a lease, and how it stands."""

from dataclasses import dataclass

from callwright.sip.address import Transport
from callwright.store.database import Database
from callwright.store.phones import CHANGED
from callwright.store.scope import Scope


@dataclass(frozen=True, slots=True)
class RegisteredTrunk:
    """What the engine that registers a trunk has to know. Two that are equal need not be told apart."""

    trunk_id: int
    host: str
    port: int
    transport: Transport
    username: str
    sealed_password: bytes | None
    expires_s: int
    contact: str
    "User of our Contact: by it calls that come this way are known. Nobody can guess it."

    certificate_authority: str


async def claim(db: Database, _: Scope, *, engine_id: int, now: float, lease_s: float) -> list[RegisteredTrunk]:
    """Renew this engine's leases, and take those that nobody holds. What it holds then."""
    if not await db.pool.fetchval("SELECT EXISTS (SELECT 1 FROM trunks WHERE registers AND enabled)"):
        return []
    async with db.transaction() as connection:
        made = await connection.execute(
            """
            INSERT INTO trunk_registrations (trunk_id, account_id, contact)
            SELECT t.id, t.account_id, replace(gen_random_uuid()::text, '-', '') FROM trunks t
            WHERE t.registers AND t.enabled
              AND NOT EXISTS (SELECT 1 FROM trunk_registrations r WHERE r.trunk_id = t.id)
            ON CONFLICT DO NOTHING
            """
        )
        if made != "INSERT 0 0":
            await connection.execute("SELECT pg_notify($1, '')", CHANGED)
        rows = await connection.fetch(
            """
            UPDATE trunk_registrations r SET engine_id = $1, leased_until = $2::float8 + $3
            FROM trunks t JOIN accounts a ON a.id = t.account_id
            WHERE t.id = r.trunk_id AND t.registers AND t.enabled AND a.active
              AND (r.engine_id = $1 OR r.engine_id IS NULL OR r.leased_until < $2)
            RETURNING t.id AS trunk_id, t.host, t.port, t.transport, t.username, t.sealed_password,
                t.register_expires_s AS expires_s, r.contact, t.certificate_authority
            """,
            engine_id,
            now,
            lease_s,
        )
    return [RegisteredTrunk(**row) for row in rows]


async def tell(
    db: Database,
    _: Scope,
    *,
    engine_id: int,
    trunk_id: int,
    state: str,
    reason: str,
    expires_at: float | None,
    now: float,
) -> None:
    """How it stands; nothing where another engine has it by now."""
    await db.pool.execute(
        """
        UPDATE trunk_registrations SET state = $3, reason = $4, expires_at = $5, changed_at = $6
        WHERE trunk_id = $2 AND engine_id = $1
        """,
        engine_id,
        trunk_id,
        state,
        reason,
        expires_at,
        now,
    )


async def release(db: Database, _: Scope, *, engine_id: int, now: float) -> None:
    """This engine registers nothing any more: another may at once."""
    await db.pool.execute(
        """
        UPDATE trunk_registrations SET engine_id = NULL, leased_until = 0, state = 'waiting', reason = '',
            expires_at = NULL, changed_at = $2
        WHERE engine_id = $1
        """,
        engine_id,
        now,
    )
