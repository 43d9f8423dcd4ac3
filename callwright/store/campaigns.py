"""Campaigns: files of DEV outbound calls, each with a name of its own among its user's."""

import json
from dataclasses import dataclass

from callwright.store.database import Connection, Database
from callwright.store.scope import Scope, visible

SINGLE_CALLS = ""
"The name of their campaign."


@dataclass(frozen=True, slots=True)
class CampaignRow:
    id: int
    name: str
    created_at: float
    calls: dict[str, int]
    "How many of its calls have each status."


async def insert(connection: Connection, scope: Scope, *, name: str, parameters: str) -> int | None:
    """The id of a new campaign; None where the user has one of that name."""
    campaign_id: int | None = await connection.fetchval(
        """
        INSERT INTO campaigns (account_id, user_id, name, parameters) VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING RETURNING id
        """,
        scope.account_id,
        scope.user_id,
        name,
        parameters,
    )
    return campaign_id


async def of_single_calls(connection: Connection, scope: Scope) -> int:
    """The id of the campaign that calls join which are queued one at a time; made with the first of them."""
    mine, who = visible(scope, 1, "g")
    known: int | None = await connection.fetchval(
        f"SELECT g.id FROM campaigns g WHERE {mine} AND g.user_id = $2 AND g.name = $3",
        who,
        scope.user_id,
        SINGLE_CALLS,
    )
    made = known or await insert(connection, scope, name=SINGLE_CALLS, parameters="")
    # Made by somebody else between the two statements: it is there now.
    return made or await of_single_calls(connection, scope)


async def listed(db: Database, scope: Scope, *, after: int, limit: int) -> list[CampaignRow]:
    """Oldest first, above the id `after`."""
    mine, who = visible(scope, 1, "g")
    rows = await db.pool.fetch(
        f"""
        SELECT g.id, g.name, g.created_at, (
            SELECT json_object_agg(s.status, s.n)
            FROM (SELECT c.status, count(*) AS n FROM outbound_calls c WHERE c.campaign_id = g.id GROUP BY c.status) s
        ) AS calls
        FROM campaigns g WHERE {mine} AND g.id > $2 ORDER BY g.id LIMIT $3
        """,
        who,
        after,
        limit,
    )
    return [CampaignRow(**{**row, "calls": json.loads(row["calls"] or "{}")}) for row in rows]


async def numbers(connection: Connection, scope: Scope, campaign_id: int) -> list[tuple[str, int]]:
    """(telephone number as it was given, call id) of every call, in the order of their ids."""
    mine, who = visible(scope, 1, "c")
    rows = await connection.fetch(
        f"SELECT c.phone_number, c.id FROM outbound_calls c WHERE {mine} AND c.campaign_id = $2 ORDER BY c.id",
        who,
        campaign_id,
    )
    return [(row["phone_number"], row["id"]) for row in rows]
