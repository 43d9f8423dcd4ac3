"""How many calls there are, and where in time the n-th of them lies, without looking at them.

Ended calls are counted as they end, in the same transaction: by owner, number (empty: all of them) and the minute and
the day in which they began. The calls of any range are then those of its days, of the minutes at its edges, and of
the less than two minutes that the range cuts, which alone are counted one by one. An offset is found the same way:
first its day, then its minute.
"""

from callwright.store.database import Connection
from callwright.store.scope import Scope, visible

MINUTE_S = 60
DAY_S = 86_400

ADD = f"""
    INSERT INTO call_counts (user_id, account_id, number, width_s, start_at, calls)
    SELECT d.user_id, d.account_id, n.number, w.s, floor(d.started_at / w.s) * w.s, {{sign}}count(*)
    FROM done d CROSS JOIN unnest(ARRAY[{MINUTE_S}, {DAY_S}]) AS w (s)
    CROSS JOIN LATERAL (SELECT '' UNION SELECT d.number) AS n (number)
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 3, 4, 5
    ON CONFLICT (user_id, number, width_s, start_at) DO UPDATE SET calls = call_counts.calls + EXCLUDED.calls
"""
"""The end of a statement whose `done` has the calls that ended (`sign` empty) or are deleted (`-`).

Rows are locked in one order, so that engines which write at the same time do not wait for each other in a circle.
"""


async def locate(
    connection: Connection, scope: Scope, start: int, end: int, number: str, offset: int
) -> tuple[int, int, int]:
    """How many ended calls began in [start, end), and where the one lies that is `offset` from the newest: before which
    moment, and how many from there."""
    total, low, high, before = await _among(connection, scope, start, end, number, offset)
    if high - low > MINUTE_S and low % DAY_S == 0:
        _, _, high, inner = await _among(connection, scope, low, high, number, offset - before, days=False)
        before += inner
    return total, high, offset - before


async def _among(
    connection: Connection, scope: Scope, start: int, end: int, number: str, offset: int, *, days: bool = True
) -> tuple[int, int, int, int]:
    """(calls in all, the part's start and end, calls after it) for the part in which the offset lies: a day, a minute, or
    what the range cuts of one. Where there is no such call, the part is the whole range."""
    mine, who = visible(scope, 1, "n")
    its, _ = visible(scope, 1, "c")
    first, last = -(-start // MINUTE_S) * MINUTE_S, end // MINUTE_S * MINUTE_S
    if first >= last:
        first = last = end
    first_day, last_day = -(-first // DAY_S) * DAY_S, last // DAY_S * DAY_S
    if not days or first_day >= last_day:
        first_day = last_day = last
    row = await connection.fetchrow(
        f"""
        WITH counted AS (
            SELECT n.start_at AS low, n.width_s AS width, n.calls FROM call_counts n
            WHERE {mine} AND n.number = $2 AND n.width_s = {DAY_S} AND n.start_at >= $5 AND n.start_at < $6
            UNION ALL
            SELECT n.start_at, n.width_s, n.calls FROM call_counts n
            WHERE {mine} AND n.number = $2 AND n.width_s = {MINUTE_S} AND n.start_at >= $4 AND n.start_at < $5
            UNION ALL
            SELECT n.start_at, n.width_s, n.calls FROM call_counts n
            WHERE {mine} AND n.number = $2 AND n.width_s = {MINUTE_S} AND n.start_at >= $6 AND n.start_at < $7
            UNION ALL
            SELECT e.low, e.high - e.low, (
                SELECT count(*) FROM calls c
                WHERE {its} AND c.started_at >= e.low AND c.started_at < e.high AND c.ended_at IS NOT NULL
                  {"AND c.number = $2" if number else ""})
            FROM (VALUES ($3::bigint, $4::bigint), ($7, $8)) AS e (low, high)
        ), part AS (
            SELECT low, max(width) AS width, sum(calls) AS calls FROM counted GROUP BY low
        ), placed AS (
            SELECT low, width, calls, sum(calls) OVER (ORDER BY low DESC) - calls AS before FROM part
        )
        SELECT (SELECT coalesce(sum(calls), 0) FROM part) AS total, p.low, p.width, p.before
        FROM (VALUES (1)) AS one LEFT JOIN placed p ON p.before <= $9 AND p.before + p.calls > $9
        """,
        *(who, number, start, first, first_day, last_day, last, end, offset),
    )
    if row["low"] is None:
        return int(row["total"]), start, end, 0
    return int(row["total"]), row["low"], row["low"] + row["width"], int(row["before"])
