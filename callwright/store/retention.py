"""How long calls and their logs are kept, and what is deleted of an account that chose less than the platform."""

from dataclasses import dataclass

from callwright.store.call_counts import ADD
from callwright.store.database import Database
from callwright.store.scope import Scope

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Kept:
    """What may still be read, now."""

    details_since: int
    "UNIX seconds: detailed logs of calls that began then or later."

    calls_since: int
    "The same for calls and errors."


@dataclass(frozen=True, slots=True)
class Days:
    """How long something is kept. None in an account: as long as the platform does."""

    details: int | None
    calls: int | None


async def platform_days(db: Database, _: Scope) -> Days:
    row = await db.pool.fetchrow("SELECT details_days, calls_days FROM retention")
    return Days(row["details_days"], row["calls_days"])


async def set_platform_days(db: Database, _: Scope, days: Days) -> None:
    await db.pool.execute("UPDATE retention SET details_days = $1, calls_days = $2", days.details, days.calls)


async def kept(db: Database, scope: Scope, now: float) -> Kept:
    """What the scope may still read: the shorter of what its account and the platform keep."""
    row = await db.pool.fetchrow(
        """
        SELECT least(r.details_days, a.details_days, a.calls_days) AS details, least(r.calls_days, a.calls_days) AS calls
        FROM retention r LEFT JOIN accounts a ON a.id = $1
        """,
        scope.account_id,
    )
    return Kept(int(now) - row["details"] * DAY_S, int(now) - row["calls"] * DAY_S)


async def accounts_that_keep_less(db: Database, _: Scope) -> list[int]:
    rows = await db.pool.fetch(
        """
        SELECT a.id FROM accounts a, retention r
        WHERE a.details_days < r.details_days OR a.calls_days < r.calls_days ORDER BY a.id
        """
    )
    return [row["id"] for row in rows]


# -- deleting: `limit` rows at a time, so that no lock is held long ----------------------------------


async def delete_details(db: Database, _: Scope, account_id: int, *, since: int, before: int, limit: int) -> int:
    """Delete journals of an account's calls that began in [since, before); returns how many entries.

    `since` is what the platform keeps: older journals go with their partition.
    """
    done: str = await db.pool.execute(
        """
        DELETE FROM call_events e USING (
            SELECT e.call_id, e.seq, e.at FROM calls c JOIN call_events e ON e.call_id = c.id AND e.at >= $2
            WHERE c.account_id = $1 AND c.started_at >= $2 AND c.started_at < $3 LIMIT $4
        ) AS old WHERE e.call_id = old.call_id AND e.seq = old.seq AND e.at = old.at
        """,
        account_id,
        float(since),
        float(before),
        limit,
    )
    return int(done.rpartition(" ")[2])


async def delete_calls(db: Database, _: Scope, account_id: int, *, before: int, limit: int) -> int:
    """Delete an account's ended calls that began before then, and no longer count them; returns how many."""
    done: int = await db.pool.fetchval(
        f"""
        WITH done AS (
            DELETE FROM calls c USING (
                SELECT c.id, c.started_at FROM calls c
                WHERE c.account_id = $1 AND c.started_at < $2 AND c.ended_at IS NOT NULL LIMIT $3
            ) AS old WHERE c.id = old.id AND c.started_at = old.started_at
            RETURNING c.user_id, c.account_id, c.number, c.started_at
        ), counted AS ({ADD.format(sign="-")})
        SELECT count(*) FROM done
        """,
        account_id,
        float(before),
        limit,
    )
    return done


async def delete_errors(db: Database, _: Scope, account_id: int, *, before: int, limit: int) -> int:
    done: str = await db.pool.execute(
        """
        DELETE FROM call_errors e USING (
            SELECT e.call_id, e.seq, e.at FROM call_errors e WHERE e.account_id = $1 AND e.at < $2 LIMIT $3
        ) AS old WHERE e.call_id = old.call_id AND e.seq = old.seq AND e.at = old.at
        """,
        account_id,
        float(before),
        limit,
    )
    return int(done.rpartition(" ")[2])


async def delete_transcriptions(db: Database, _: Scope, account_id: int, *, before: int, limit: int) -> int:
    done: str = await db.pool.execute(
        """
        DELETE FROM transcriptions t USING (
            SELECT t.transcription_id, t.requested_at FROM transcriptions t
            WHERE t.account_id = $1 AND t.requested_at < $2 LIMIT $3
        ) AS old WHERE t.transcription_id = old.transcription_id AND t.requested_at = old.requested_at
        """,
        account_id,
        float(before),
        limit,
    )
    return int(done.rpartition(" ")[2])


async def delete_legs(db: Database, _: Scope, account_id: int, *, before: int, limit: int) -> int:
    done: str = await db.pool.execute(
        """
        DELETE FROM call_legs l USING (
            SELECT l.sip_call_id, l.began_at FROM call_legs l WHERE l.account_id = $1 AND l.began_at < $2 LIMIT $3
        ) AS old WHERE l.sip_call_id = old.sip_call_id AND l.began_at = old.began_at
        """,
        account_id,
        float(before),
        limit,
    )
    return int(done.rpartition(" ")[2])


async def counted(db: Database, _: Scope, account_id: int, platform: Kept, account: Kept) -> dict[str, int]:
    """What these would delete, by table."""
    row = await db.pool.fetchrow(
        """
        SELECT
            (SELECT count(*) FROM calls c JOIN call_events e ON e.call_id = c.id AND e.at >= $2
             WHERE c.account_id = $1 AND c.started_at >= $2 AND c.started_at < $3) AS call_events,
            (SELECT count(*) FROM calls WHERE account_id = $1 AND started_at < $4 AND ended_at IS NOT NULL) AS calls,
            (SELECT count(*) FROM call_legs WHERE account_id = $1 AND began_at < $3) AS call_legs,
            (SELECT count(*) FROM call_errors WHERE account_id = $1 AND at < $4) AS call_errors,
            (SELECT count(*) FROM transcriptions WHERE account_id = $1 AND requested_at < $3) AS transcriptions
        """,
        account_id,
        float(platform.details_since),
        float(account.details_since),
        float(account.calls_since),
    )
    return dict(row)
