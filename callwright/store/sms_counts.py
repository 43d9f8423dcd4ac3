"""How many texts there are, and where in time the n-th of them lies, without looking at them.

A text is counted by owner, number of the owner's (empty: all of them), direction, and the minute and the day in which it was asked
for or came. Unlike calls (`call_counts.py`), which are counted as they end, texts are counted some minutes later, by a job: a
text is one transaction of its own, and all those of a minute would wait for one another's count. What is not counted yet
(`sms_counted`), and what a range cuts of a minute at its edges, is counted one by one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from callwright.store.database import Connection
from callwright.store.scope import Scope, visible

MINUTE_S, DAY_S = 60, 86_400

LAG_S = 120.0
"Longer than any transaction lasts: no text that is older is still to be seen."

STEP_S = DAY_S
"Counted in one transaction, where the job has been away."


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of a list lies."""

    total: int
    "Texts in all of the list."

    low: float
    high: float
    "[low, high) has the whole page, and less than a minute's texts before and after it."

    skip: int
    "Texts in [low, high) that come before the page, in the list's order."

    limit: int
    "Texts of the page."


@dataclass(frozen=True, slots=True)
class _Bucket:
    low: float
    high: float
    texts: int
    is_day: bool = False
    "It is counted by the minute too."


@dataclass(frozen=True, slots=True)
class _Asked:
    ours: list[str]
    direction: str


async def roll_up(connection: Connection, _: Scope, now: float) -> bool:
    """Count what has not been counted and is old enough, a step of it. Whether there is more."""
    until: int = await connection.fetchval("SELECT c.until_at FROM sms_counted c FOR UPDATE")
    target = int(now - LAG_S) // MINUTE_S * MINUTE_S
    if target < until + MINUTE_S:
        return False
    first: float | None = await connection.fetchval(
        """
        SELECT min(f.requested_at) FROM users u CROSS JOIN LATERAL (
            SELECT m.requested_at FROM sms_messages m WHERE m.user_id = u.id AND m.requested_at >= $1::float8
            ORDER BY m.requested_at LIMIT 1
        ) AS f
        """,
        float(until),
    )
    begin = target if first is None else max(until, min(int(first) // MINUTE_S * MINUTE_S, target))
    end = min(begin + STEP_S, target)
    if begin < end:
        await connection.execute(
            f"""
            INSERT INTO sms_counts (user_id, account_id, ours, direction, width_s, start_at, texts)
            SELECT m.user_id, m.account_id, o.ours, m.direction, w.s, floor(m.requested_at / w.s) * w.s, count(*)
            FROM users u
            JOIN sms_messages m ON m.user_id = u.id AND m.requested_at >= $1::float8 AND m.requested_at < $2::float8
            CROSS JOIN unnest(ARRAY[{MINUTE_S}, {DAY_S}]) AS w (s)
            CROSS JOIN LATERAL (VALUES (''), (m.ours)) AS o (ours)
            GROUP BY 1, 2, 3, 4, 5, 6
            ON CONFLICT (user_id, ours, direction, width_s, start_at) DO UPDATE SET texts = sms_counts.texts + EXCLUDED.texts
            """,
            float(begin),
            float(end),
        )
    await connection.execute("UPDATE sms_counted SET until_at = $1", end)
    return end < target


async def locate(
    connection: Connection,
    scope: Scope,
    *,
    start: float,
    end: float | None,
    ours: Sequence[str],
    direction: str,
    offset: int,
    limit: int,
    descending: bool,
) -> Place:
    """Where the page lies that leaves out `offset` texts. `ours`: spellings of a number, empty: all; `direction` likewise."""
    asked = _Asked(list(ours), direction)
    buckets = await _buckets(connection, scope, asked, start, math.inf if end is None else end)
    total = sum(bucket.texts for bucket in buckets)
    # Positions from the oldest, [low, high).
    low, high = min(offset, total), min(offset + limit, total)
    if descending:
        low, high = total - high, total - low
    if low >= high:
        return Place(total, start, start, 0, 0)
    for position in (low, high - 1):
        at, _ = _find(buckets, position)
        if buckets[at].is_day:
            day = int(buckets[at].low)
            buckets[at : at + 1] = await _counted(connection, scope, asked, MINUTE_S, day, day + DAY_S)
    (first, before), (last, before_last) = _find(buckets, low), _find(buckets, high - 1)
    skip = before_last + buckets[last].texts - high if descending else low - before
    return Place(total, buckets[first].low, buckets[last].high, skip, high - low)


def _find(buckets: Sequence[_Bucket], position: int) -> tuple[int, int]:
    """(place of the bucket that has this position, texts before it)."""
    before = 0
    for at, bucket in enumerate(buckets):
        if position < before + bucket.texts:
            return at, before
        before += bucket.texts
    raise AssertionError("a position is below the total")


async def _buckets(connection: Connection, scope: Scope, asked: _Asked, start: float, end: float) -> list[_Bucket]:
    """All of [start, end), from the oldest on: days, minutes, and what is counted now."""
    until: int = await connection.fetchval("SELECT c.until_at FROM sms_counted c")
    first = math.ceil(start / MINUTE_S) * MINUTE_S
    last = int(min(end, until) // MINUTE_S) * MINUTE_S
    if first >= last:
        return [await _now(connection, scope, asked, start, end)]
    first_day, last_day = math.ceil(first / DAY_S) * DAY_S, last // DAY_S * DAY_S
    if first_day >= last_day:
        first_day = last_day = last
    counted = [
        *await _counted(connection, scope, asked, MINUTE_S, first, first_day),
        *await _counted(connection, scope, asked, DAY_S, first_day, last_day),
        *await _counted(connection, scope, asked, MINUTE_S, last_day, last),
    ]
    return [
        await _now(connection, scope, asked, start, first),
        *counted,
        await _now(connection, scope, asked, last, end),
    ]


async def _counted(
    connection: Connection, scope: Scope, asked: _Asked, width_s: int, low: int, high: int
) -> list[_Bucket]:
    if low >= high:
        return []
    mine, who = visible(scope, 1, "n")
    rows: list[Any] = await connection.fetch(
        f"""
        SELECT n.start_at, sum(n.texts)::bigint AS texts FROM sms_counts n
        WHERE {mine} AND n.ours = ANY($2::text[]) AND n.direction = ANY($3::text[]) AND n.width_s = $4
          AND n.start_at >= $5 AND n.start_at < $6
        GROUP BY 1 ORDER BY 1
        """,
        who,
        asked.ours or [""],
        [asked.direction] if asked.direction else ["inbound", "outbound"],
        width_s,
        low,
        high,
    )
    is_day = width_s == DAY_S
    return [_Bucket(row["start_at"], row["start_at"] + width_s, row["texts"], is_day) for row in rows]


async def _now(connection: Connection, scope: Scope, asked: _Asked, low: float, high: float) -> _Bucket:
    if low >= high:
        return _Bucket(low, low, 0)
    mine, who = visible(scope, 1, "m")
    texts: int = await connection.fetchval(
        f"""
        SELECT count(*) FROM sms_messages m
        WHERE {mine} AND m.requested_at >= $2::float8 AND m.requested_at < $3::float8
          AND ($4 = '' OR m.direction = $4) AND ($5::text[] = '{{}}' OR m.ours = ANY($5::text[]))
        """,
        who,
        float(low),
        float(high),
        asked.direction,
        asked.ours,
    )
    return _Bucket(low, high, texts)
