"""Trunks: the SIP peers that outbound calls go by."""

import re
from dataclasses import replace

from callwright.base.errors import NotFound, RequestError
from callwright.store import trunks as store
from callwright.store.database import Database
from callwright.store.scope import Scope
from callwright.store.trunks import TrunkRow

CHANNELS_MAX = 10_000
CALLS_PER_SECOND_MAX = 1000.0

_HOST = re.compile(r"[A-Za-z0-9.:_-]{1,253}")


async def create(db: Database, scope: Scope, trunk: TrunkRow) -> int:
    """A new trunk (its id is ignored); waiting calls that it fits go by it."""
    _check(trunk)
    return await store.insert(db, scope, trunk)


async def update(db: Database, scope: Scope, trunk_id: int, trunk: TrunkRow) -> None:
    _check(trunk)
    if not await store.update(db, scope, replace(trunk, id=trunk_id)):
        raise NotFound("trunk")


async def delete(db: Database, scope: Scope, trunk_id: int) -> None:
    """Calls that waited for it go by another trunk, or are rejected when they are due."""
    if not await store.delete(db, scope, trunk_id):
        raise NotFound("trunk")


async def listed(db: Database, scope: Scope) -> list[TrunkRow]:
    return await store.listed(db, scope)


async def for_number(db: Database, scope: Scope, number: str) -> TrunkRow | None:
    return await store.for_number(db, scope, number)


def _check(trunk: TrunkRow) -> None:
    for field, good, text in (
        ("host", _HOST.fullmatch(trunk.host) is not None, "must be a host name or an IP address"),
        ("port", 1 <= trunk.port <= 65535, "must be between 1 and 65535"),
        (
            "prefix",
            len(trunk.prefix) <= 15 and (not trunk.prefix or trunk.prefix.isdecimal()),
            "must be at most 15 digits",
        ),
        ("channels", 1 <= trunk.channels <= CHANNELS_MAX, f"must be between 1 and {CHANNELS_MAX}"),
        (
            "calls_per_second",
            0.01 <= trunk.calls_per_second <= CALLS_PER_SECOND_MAX,
            f"must be between 0.01 and {CALLS_PER_SECOND_MAX:g}",
        ),
    ):
        if not good:
            raise RequestError(400, f"{field} {text}.", field=field)
