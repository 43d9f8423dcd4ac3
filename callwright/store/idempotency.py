"""What was answered to a client's Idempotency-Key."""

from dataclasses import dataclass

from callwright.store.database import Database
from callwright.store.scope import Scope

KEPT_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A request that came before. `status` is None while it still runs."""

    fingerprint: bytes
    status: int | None
    body: str | None


async def begin(db: Database, scope: Scope, key: str, fingerprint: bytes) -> Kept | None:
    """None where the key is new (or older than a day); it is taken then."""
    async with db.transaction() as connection:
        await connection.execute(
            "DELETE FROM idempotency_keys WHERE account_id = $1 AND created_at < extract(epoch from now()) - $2",
            scope.account_id,
            KEPT_S,
        )
        taken = await connection.fetchval(
            """
            INSERT INTO idempotency_keys (account_id, key, fingerprint) VALUES ($1, $2, $3)
            ON CONFLICT DO NOTHING RETURNING key
            """,
            scope.account_id,
            key,
            fingerprint,
        )
        if taken is not None:
            return None
        row = await connection.fetchrow(
            "SELECT fingerprint, status, body FROM idempotency_keys WHERE account_id = $1 AND key = $2",
            scope.account_id,
            key,
        )
    return Kept(**row) if row else None


async def finish(db: Database, scope: Scope, key: str, status: int, body: str) -> None:
    await db.pool.execute(
        "UPDATE idempotency_keys SET status = $3, body = $4 WHERE account_id = $1 AND key = $2",
        scope.account_id,
        key,
        status,
        body,
    )


async def forget(db: Database, scope: Scope, key: str) -> None:
    await db.pool.execute("DELETE FROM idempotency_keys WHERE account_id = $1 AND key = $2", scope.account_id, key)
