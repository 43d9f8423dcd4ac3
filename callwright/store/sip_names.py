"""User names that telephones and trunks prove: one name space of the platform, since a request shows nothing else of who asks."""

from typing import Literal

from callwright.store.database import Connection

_LOCK = 0x51B_4A3E
"Held while a name is given, by whichever of the two tables."


class NameTaken(Exception):
    """The other kind of peer has it."""


async def claim(connection: Connection, name: str, *, of: Literal["phones", "trunks"]) -> None:
    """Within the transaction that gives the name. Raises `NameTaken`; within one table its unique index sees to it."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
    if of == "phones":
        taken = await connection.fetchval("SELECT EXISTS (SELECT 1 FROM trunks WHERE peer_username = $1)", name)
    else:
        taken = await connection.fetchval("SELECT EXISTS (SELECT 1 FROM phones WHERE name = $1)", name)
    if taken:
        raise NameTaken
