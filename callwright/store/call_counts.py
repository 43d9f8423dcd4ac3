"""How many calls there are, and where in time the n-th of them lies, without looking at them.

Ended calls are counted as they end, in the same transaction: by owner, number (empty: all of them) and the minute and
the day in which they began. The calls of any range are then those of its days, of the minutes at its edges, and of
the less than two minutes that the range cuts, which alone are counted one by one. An offset is found the same way:
first its day, then its minute.
"""

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Place:
    """Where in time a part of a list lies."""

    total: int
    "Calls in all of the list."

    low: int
    high: int
    "[low, high) has the whole part, and less than a minute's calls before and after it."

    skip: int
    "Calls in [low, high) that are newer than the part."


async def locate(
    connection: Connection, scope: Scope, start: int, end: int, number: str, offset: int, limit: int
) -> Place:
    """Where the `limit` calls lie that come after the newest `offset` of those that began in [start, end); for an offset past
    the end, the last one of all."""
    found = await _parts(connection, scope, start, end, number, [offset, offset + limit - 1])
    first, last = found
    if first.span == last.span:
        if first.is_day:
            positions = [first.position, last.position]
            first, last = await _parts(connection, scope, *first.span, number, positions, days=False)
    else:
        if first.is_day:
            (first,) = await _parts(connection, scope, *first.span, number, [first.position], days=False)
        if last.is_day:
            (last,) = await _parts(connection, scope, *last.span, number, [last.position], days=False)
    return Place(found[0].total, last.low, first.high, first.position)


@dataclass(frozen=True, slots=True)
class _Part:
    """A day, a minute, or what a range cuts of one, in which a call lies."""

    total: int
    low: int
    high: int
    position: int
    "Of the call, among those of the part."

    @property
    def span(self) -> tuple[int, int]:
        return self.low, self.high

    @property
    def is_day(self) -> bool:
        return self.high - self.low > MINUTE_S


async def _parts(
    connection: Connection,
    scope: Scope,
    start: int,
    end: int,
    number: str,
    positions: Sequence[int],
    *,
    days: bool = True,
) -> list[_Part]:
    """For each position, counted from the newest call in [start, end), its part; that of the oldest call for a position past
    it, and nothing between `start` and `start` where there is no call at all."""
    mine, who = visible(scope, 1, "n")
    its, _ = visible(scope, 1, "c")
    first, last = -(-start // MINUTE_S) * MINUTE_S, end // MINUTE_S * MINUTE_S
    if first >= last:
        first = last = end
    first_day, last_day = -(-first // DAY_S) * DAY_S, last // DAY_S * DAY_S
    if not days or first_day >= last_day:
        first_day = last_day = last
    # Each with bounds that the planner sees: it would read a whole index of all partitions for ends that come from a row.
    cut = f"""
        SELECT {{low}}::bigint, {{high}}::bigint - {{low}}::bigint, count(*) FROM calls c
        WHERE {its} AND c.started_at >= {{low}}::bigint AND c.started_at < {{high}}::bigint AND c.ended_at IS NOT NULL
          {"AND c.number = $2" if number else ""}
    """
    rows = await connection.fetch(
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
            {cut.format(low="$3", high="$4")}
            UNION ALL
            {cut.format(low="$7", high="$8")}
        ), part AS (
            SELECT low, max(width) AS width, sum(calls) AS calls FROM counted GROUP BY low
        ), placed AS (
            SELECT low, width, calls, sum(calls) OVER (ORDER BY low DESC) - calls AS before FROM part
        ), everything AS (SELECT coalesce(sum(calls), 0) AS total FROM part)
        SELECT e.total, p.low, p.width, p.before, least(w.position, e.total - 1) - p.before AS position
        FROM unnest($9::bigint[]) WITH ORDINALITY AS w (position, n) CROSS JOIN everything e
        LEFT JOIN placed p ON p.before <= least(w.position, e.total - 1) AND p.before + p.calls > least(w.position, e.total - 1)
        ORDER BY w.n
        """,
        *(who, number, start, first, first_day, last_day, last, end, list(positions)),
    )
    return [
        _Part(int(row["total"]), row["low"], row["low"] + row["width"], int(row["position"]))
        if row["low"] is not None
        else _Part(0, start, start, 0)
        for row in rows
    ]
