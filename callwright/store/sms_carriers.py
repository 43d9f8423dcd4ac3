"""Accounts with carriers, and how the texts of numbers go, as their owners set them up."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from callwright.store.database import Database
from callwright.store.scope import Scope, visible


@dataclass(frozen=True, slots=True)
class OwnedCarrier:
    """An account's account with a carrier."""

    id: int
    name: str
    type: str
    settings: dict[str, Any]
    token: str
    texts_per_second: float
    enabled: bool


WAIT_S = 3 * 86_400.0
"How long an application waits for the answer to a text, where nothing else is said."


@dataclass(frozen=True, slots=True)
class Texting:
    """How the texts of a number go."""

    carrier_id: int | None
    text_url: str = ""
    text_deployment_id: int | None = None
    text_wait_s: float = WAIT_S
    texts_joined: bool = False
    texts_per_second: float | None = None


_COLUMNS = "c.id, c.name, c.type, c.settings, c.token, c.texts_per_second, c.enabled"


async def insert(
    db: Database,
    scope: Scope,
    *,
    name: str,
    type: str,
    settings: Mapping[str, Any],
    token: str,
    texts_per_second: float,
) -> int:
    carrier_id: int = await db.pool.fetchval(
        """
        INSERT INTO sms_carriers (account_id, name, type, settings, token, texts_per_second) VALUES ($1, $2, $3, $4, $5, $6)
        RETURNING id
        """,
        scope.account_id,
        name,
        type,
        json.dumps(settings),
        token,
        texts_per_second,
    )
    return carrier_id


async def listed(db: Database, scope: Scope) -> list[OwnedCarrier]:
    rows = await db.pool.fetch(
        f"SELECT {_COLUMNS} FROM sms_carriers c WHERE c.account_id = $1 ORDER BY c.id LIMIT 1000", scope.account_id
    )
    return [OwnedCarrier(**{**row, "settings": json.loads(row["settings"])}) for row in rows]


async def update(
    db: Database,
    scope: Scope,
    carrier_id: int,
    *,
    name: str,
    settings: Mapping[str, Any],
    texts_per_second: float,
    enabled: bool,
) -> bool:
    done = await db.pool.execute(
        """
        UPDATE sms_carriers SET name = $3, settings = $4, texts_per_second = $5, enabled = $6, held_until = 0
        WHERE account_id = $1 AND id = $2
        """,
        scope.account_id,
        carrier_id,
        name,
        json.dumps(settings),
        texts_per_second,
        enabled,
    )
    return bool(done != "UPDATE 0")


async def set_texting(db: Database, scope: Scope, number_id: int, texting: Texting) -> bool:
    """Texts that wait go by the new carrier."""
    mine, who = visible(scope, 1, "n")
    its, _ = visible(scope, 1, "m")
    async with db.transaction() as connection:
        done = await connection.execute(
            f"""
            UPDATE numbers n SET carrier_id = $3, text_url = $4, texts_joined = $5, texts_per_second = $6,
                text_deployment_id = $7, text_wait_s = $8
            WHERE {mine} AND n.id = $2 AND n.sms
            """,
            who,
            number_id,
            texting.carrier_id,
            texting.text_url,
            texting.texts_joined,
            texting.texts_per_second,
            texting.text_deployment_id,
            texting.text_wait_s,
        )
        await connection.execute(
            f"""
            UPDATE sms_messages m SET carrier_id = $3
            WHERE {its} AND m.number_id = $2 AND m.status = 'queued' AND $3::bigint IS NOT NULL
            """,
            who,
            number_id,
            texting.carrier_id,
        )
    return bool(done != "UPDATE 0")
