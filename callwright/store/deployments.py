"""Deployments, and the numbers that lead to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import asyncpg

from callwright.store.database import Database
from callwright.store.scope import Scope, visible

UniqueViolation = asyncpg.UniqueViolationError


@dataclass(frozen=True, slots=True)
class DeploymentRow:
    """An address bound to an application's version."""

    id: int
    account_id: int
    user_id: int
    application_id: int
    version: int | None
    "None: the latest published one."

    label: str
    created_at: float
    deleted_at: float | None
    application_deleted_at: float | None
    user_deleted_at: float | None


@dataclass(frozen=True, slots=True)
class Route:
    """Where a call goes: the version that runs, and whose it is. Without a version it runs a document."""

    account_id: int
    user_id: int
    deployment_id: int | None = None
    application_id: int | None = None
    version_id: int | None = None
    number: str = ""
    "The number of ours that the call belongs to: that was dialled, or that leads to the deployment."

    is_pci: bool = False
    "In the secure environment: nothing of the call is kept but that it was."


@dataclass(frozen=True, slots=True)
class NumberRow:
    id: int
    address: str
    sms: bool
    is_pci: bool
    deployment_id: int | None
    created_at: float


_DEPLOYMENT = """
    SELECT d.id, d.account_id, d.user_id, d.application_id, d.version, d.label, d.created_at, d.deleted_at,
           p.deleted_at AS application_deleted_at, u.deleted_at AS user_deleted_at
    FROM deployments d JOIN applications p ON p.id = d.application_id JOIN users u ON u.id = d.user_id
"""

ROUTED_VERSION = """
    (SELECT v.id FROM application_versions v WHERE v.application_id = d.application_id
     AND (d.version IS NULL OR v.number = d.version) ORDER BY v.number DESC LIMIT 1)
"""
"The id of the version that the deployment `d` runs now."


async def insert(db: Database, scope: Scope, *, application_id: int, version: int | None, label: str) -> int:
    deployment_id: int = await db.pool.fetchval(
        """
        INSERT INTO deployments (account_id, user_id, application_id, version, label)
        VALUES ($1, $2, $3, $4, $5) RETURNING id
        """,
        scope.account_id,
        scope.user_id,
        application_id,
        version,
        label,
    )
    return deployment_id


async def listed(db: Database, scope: Scope, *, after: int, limit: int) -> list[DeploymentRow]:
    mine, who = visible(scope, 1, "d")
    rows = await db.pool.fetch(
        f"{_DEPLOYMENT} WHERE {mine} AND d.deleted_at IS NULL AND d.id > $2 ORDER BY d.id LIMIT $3", who, after, limit
    )
    return [DeploymentRow(**row) for row in rows]


async def get(db: Database, scope: Scope, deployment_id: int) -> DeploymentRow | None:
    """Deleted ones too."""
    mine, who = visible(scope, 1, "d")
    row = await db.pool.fetchrow(f"{_DEPLOYMENT} WHERE {mine} AND d.id = $2", who, deployment_id)
    return DeploymentRow(**row) if row else None


async def delete(db: Database, scope: Scope, deployment_id: int, now: float) -> bool:
    mine, who = visible(scope, 1, "d")
    async with db.transaction() as connection:
        done = await connection.fetchval(
            f"UPDATE deployments d SET deleted_at = $3 WHERE {mine} AND d.id = $2 AND d.deleted_at IS NULL RETURNING d.id",
            who,
            deployment_id,
            now,
        )
        await connection.execute("UPDATE numbers SET deployment_id = NULL WHERE deployment_id = $1", done)
        await connection.execute("UPDATE numbers SET text_deployment_id = NULL WHERE text_deployment_id = $1", done)
        await connection.execute("UPDATE trunks SET deployment_id = NULL WHERE deployment_id = $1", done)
    return done is not None


async def route_inbound(db: Database, _: Scope, address: str, accounts: Sequence[int] | None) -> Route | None:
    """Where a dialled address leads; None where none of these accounts has it (None: any), or nothing published runs there."""
    row = await db.pool.fetchrow(
        f"""
        SELECT n.account_id, n.user_id, d.id AS deployment_id, d.application_id, {ROUTED_VERSION} AS version_id,
            n.address AS number, n.is_pci
        FROM numbers n JOIN deployments d ON d.id = n.deployment_id JOIN applications p ON p.id = d.application_id
        JOIN accounts a ON a.id = n.account_id JOIN users u ON u.id = n.user_id
        WHERE n.address = $1 AND d.deleted_at IS NULL AND p.deleted_at IS NULL
          AND a.active AND u.active AND u.deleted_at IS NULL AND ($2::bigint[] IS NULL OR n.account_id = ANY($2))
        """,
        address,
        accounts,
    )
    return Route(**row) if row and row["version_id"] is not None else None


async def route_default(db: Database, _: Scope, deployment_id: int, accounts: Sequence[int]) -> Route | None:
    """A deployment without a number; None where it is of none of these accounts, or nothing published runs there."""
    row = await db.pool.fetchrow(
        f"""
        SELECT d.account_id, d.user_id, d.id AS deployment_id, d.application_id, {ROUTED_VERSION} AS version_id
        FROM deployments d JOIN applications p ON p.id = d.application_id
        JOIN accounts a ON a.id = d.account_id JOIN users u ON u.id = d.user_id
        WHERE d.id = $1 AND d.account_id = ANY($2::bigint[]) AND d.deleted_at IS NULL AND p.deleted_at IS NULL
          AND a.active AND u.active AND u.deleted_at IS NULL
        """,
        deployment_id,
        accounts,
    )
    return Route(**row) if row and row["version_id"] is not None else None


# -- numbers -------------------------------------------------------------------------------------

_NUMBER = "SELECT n.id, n.address, n.sms, n.is_pci, n.deployment_id, n.created_at FROM numbers n"


async def insert_number(
    db: Database, scope: Scope, *, address: str, sms: bool, is_pci: bool, deployment_id: int | None
) -> int:
    """Raises `UniqueViolation` where somebody has the address."""
    number_id: int = await db.pool.fetchval(
        """
        INSERT INTO numbers (account_id, user_id, address, sms, is_pci, deployment_id)
        VALUES ($1, $2, $3, $4, $5, $6) RETURNING id
        """,
        scope.account_id,
        scope.user_id,
        address,
        sms,
        is_pci,
        deployment_id,
    )
    return number_id


async def listed_numbers(db: Database, scope: Scope, *, after: int, limit: int) -> list[NumberRow]:
    mine, who = visible(scope, 1, "n")
    rows = await db.pool.fetch(f"{_NUMBER} WHERE {mine} AND n.id > $2 ORDER BY n.id LIMIT $3", who, after, limit)
    return [NumberRow(**row) for row in rows]


async def known_number(db: Database, scope: Scope, spellings: Sequence[str]) -> str | None:
    """The first of these addresses that is a number."""
    mine, who = visible(scope, 1, "n")
    found: str | None = await db.pool.fetchval(
        f"""
        SELECT n.address FROM numbers n WHERE {mine} AND n.address = ANY($2::text[])
        ORDER BY array_position($2::text[], n.address) LIMIT 1
        """,
        who,
        spellings,
    )
    return found


Choice = Literal["asr", "tts", "url"]
"What DEV's application API reads and sets for a number."


async def chosen(db: Database, scope: Scope, choice: Choice, spellings: Sequence[str]) -> str | None:
    """None where the number is not there."""
    mine, who = visible(scope, 1, "n")
    found: str | None = await db.pool.fetchval(
        f"""
        SELECT n.{choice} FROM numbers n WHERE {mine} AND n.address = ANY($2::text[])
        ORDER BY array_position($2::text[], n.address) LIMIT 1
        """,
        who,
        spellings,
    )
    return found


async def choose(db: Database, scope: Scope, choice: Choice, address: str, value: str) -> None:
    mine, who = visible(scope, 1, "n")
    await db.pool.execute(f"UPDATE numbers n SET {choice} = $3 WHERE {mine} AND n.address = $2", who, address, value)


async def point_number(db: Database, scope: Scope, number_id: int, deployment_id: int | None) -> bool:
    mine, who = visible(scope, 1, "n")
    done = await db.pool.execute(
        f"UPDATE numbers n SET deployment_id = $3 WHERE {mine} AND n.id = $2", who, number_id, deployment_id
    )
    return bool(done != "UPDATE 0")


async def delete_number(db: Database, scope: Scope, number_id: int) -> bool:
    mine, who = visible(scope, 1, "n")
    done = await db.pool.execute(f"DELETE FROM numbers n WHERE {mine} AND n.id = $2", who, number_id)
    return bool(done != "DELETE 0")
