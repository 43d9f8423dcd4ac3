"""Accounts and their users."""

from dataclasses import dataclass

import asyncpg

from callwright.store.database import Database
from callwright.store.scope import Scope


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user, with what is needed to let them in."""

    id: int
    account_id: int
    email: str
    password_hash: str
    pin_hash: str | None
    developer_key_sha256: bytes
    active: bool
    "Both the user and the account are, and neither is deleted."


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTexting:
    """How an account has its texts."""

    notification_url: str = ""
    notification_email: str = ""
    "Told of texts that were refused; empty: not."

    sms_refusal_in_response: bool = False
    "A text to somebody who wants none is refused in the answer, and not only told afterwards."

    sms_blocks_account: bool = False
    "Who stops the texts of one number stops those of all numbers."


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow(AccountTexting):
    """A user's account, as its owner has set it up."""

    email: str
    "The user's, who asks."

    demo: bool
    "Has no logs over DEV's API."

    time_zone: str
    details_days: int | None
    "None: as long as the platform keeps them."

    calls_days: int | None


_USER = """
    SELECT u.id, u.account_id, u.email, u.password_hash, u.pin_hash, u.developer_key_sha256,
           u.active AND a.active AND u.deleted_at IS NULL AS active
    FROM users u JOIN accounts a ON a.id = u.account_id
"""


async def insert_account(
    db: Database,
    _: Scope,
    *,
    name: str,
    webhook_secret: bytes,
    email: str,
    password_hash: str,
    developer_key_sha256: bytes,
) -> tuple[int, int]:
    """A new account with its first user: (account id, user id). Raises `asyncpg.UniqueViolationError` for a known email."""
    async with db.transaction() as connection:
        account_id = await connection.fetchval(
            "INSERT INTO accounts (name, webhook_secret) VALUES ($1, $2) RETURNING id", name, webhook_secret
        )
        user_id = await connection.fetchval(
            "INSERT INTO users (account_id, email, password_hash, developer_key_sha256) VALUES ($1, $2, $3, $4) RETURNING id",
            account_id,
            email,
            password_hash,
            developer_key_sha256,
        )
    return account_id, user_id


async def insert_user(
    db: Database, scope: Scope, *, email: str, password_hash: str, developer_key_sha256: bytes
) -> int:
    """A further user of the scope's account."""
    user_id: int = await db.pool.fetchval(
        "INSERT INTO users (account_id, email, password_hash, developer_key_sha256) VALUES ($1, $2, $3, $4) RETURNING id",
        scope.account_id,
        email,
        password_hash,
        developer_key_sha256,
    )
    return user_id


async def user_by_email(db: Database, _: Scope, email: str) -> UserRow | None:
    row = await db.pool.fetchrow(f"{_USER} WHERE lower(u.email) = lower($1)", email)
    return UserRow(**row) if row else None


async def account(db: Database, scope: Scope) -> AccountRow:
    row = await db.pool.fetchrow(
        """
        SELECT u.email, a.demo, a.time_zone, a.details_days, a.calls_days, a.sms_refusal_in_response, a.sms_blocks_account,
            a.notification_url, a.notification_email
        FROM users u JOIN accounts a ON a.id = u.account_id WHERE u.id = $1 AND a.id = $2
        """,
        scope.user_id,
        scope.account_id,
    )
    return AccountRow(**row)


async def set_logging(
    db: Database, scope: Scope, *, time_zone: str, details_days: int | None, calls_days: int | None
) -> None:
    await db.pool.execute(
        "UPDATE accounts SET time_zone = $2, details_days = $3, calls_days = $4 WHERE id = $1",
        scope.account_id,
        time_zone,
        details_days,
        calls_days,
    )


async def set_texting(db: Database, scope: Scope, texting: AccountTexting) -> None:
    await db.pool.execute(
        """
        UPDATE accounts SET notification_url = $2, notification_email = $3, sms_refusal_in_response = $4, sms_blocks_account = $5
        WHERE id = $1
        """,
        scope.account_id,
        texting.notification_url,
        texting.notification_email,
        texting.sms_refusal_in_response,
        texting.sms_blocks_account,
    )


async def set_demo(db: Database, _: Scope, account_id: int, demo: bool) -> None:
    await db.pool.execute("UPDATE accounts SET demo = $2 WHERE id = $1", account_id, demo)


async def set_developer_key(db: Database, scope: Scope, developer_key_sha256: bytes) -> None:
    await db.pool.execute(
        "UPDATE users SET developer_key_sha256 = $2 WHERE id = $1", scope.user_id, developer_key_sha256
    )


async def set_password(db: Database, scope: Scope, password_hash: str) -> None:
    await db.pool.execute("UPDATE users SET password_hash = $2 WHERE id = $1", scope.user_id, password_hash)


async def set_pin(db: Database, scope: Scope, pin_hash: str) -> None:
    await db.pool.execute("UPDATE users SET pin_hash = $2 WHERE id = $1", scope.user_id, pin_hash)


async def set_start_url_get(db: Database, scope: Scope, get: bool) -> None:
    await db.pool.execute("UPDATE accounts SET start_url_get = $2 WHERE id = $1", scope.account_id, get)


async def secure_environment(db: Database, scope: Scope) -> bool:
    granted: bool = await db.pool.fetchval("SELECT secure_environment FROM accounts WHERE id = $1", scope.account_id)
    return granted


async def set_secure_environment(db: Database, scope: Scope, granted: bool) -> None:
    await db.pool.execute("UPDATE accounts SET secure_environment = $2 WHERE id = $1", scope.account_id, granted)


async def set_active(db: Database, scope: Scope, active: bool) -> None:
    """Open or close the scope's account."""
    await db.pool.execute("UPDATE accounts SET active = $2 WHERE id = $1", scope.account_id, active)


async def count(db: Database, _: Scope) -> int:
    n: int = await db.pool.fetchval("SELECT count(*) FROM accounts")
    return n


UniqueViolation = asyncpg.UniqueViolationError
