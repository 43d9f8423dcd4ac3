"""Conversations by text: what is due, what a turn came to, and how a conversation went."""

import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from callwright.base.errors import NotFound
from callwright.services import public_ids, retention, sms
from callwright.services.sms import SEALED_TEXT, Draft
from callwright.session.codec import decode_entry, encode_entry
from callwright.session.run import Entry
from callwright.store import sms as stored_texts
from callwright.store import text_sessions as store
from callwright.store.database import Database
from callwright.store.deployments import Route
from callwright.store.scope import PLATFORM, Scope
from callwright.store.sms import SmsNumber
from callwright.store.text_sessions import DueTurn, OpenSession, Standing, TextSessionRow

LEASE_S = 15.0
"A process that has died lets go of its turns after this long; one that lives renews them in time."

BATCH = 1_000
"Rows that are looked through, or deleted, in one statement."

SEALED_CHECKPOINT = "checkpoint"
"Purpose of the seal of a session that was put away."


class TurnLost(Exception):
    """Somebody else has claimed the turn since: what was done for it is not kept."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that a text has begun."""

    route: Route
    session_id: uuid.UUID
    started_at: float


@dataclass(slots=True)
class Came:
    """What a turn came to."""

    checkpoint: bytes | None = None
    "The session, put away; None: it has ended."

    waits_s: float | None = None
    "For the next text; None: for none."

    private: bool = False
    "The question that waits is private."

    outcome: str = ""
    cause: str = ""
    entries: list[Entry] = field(default_factory=list)
    texts: list[Draft] = field(default_factory=list)
    "To be sent, the reply first."

    shown: str | None = None
    "What the text said that was answered, where it may be shown."


async def claim(db: Database, *, limit: int) -> list[DueTurn]:
    return await store.claim(db, PLATFORM, limit=limit, now=time.time(), lease_s=LEASE_S)


async def renew(db: Database, turns: Collection[DueTurn]) -> None:
    await store.renew(db, PLATFORM, turns, time.time() + LEASE_S)


async def next_due(db: Database) -> float | None:
    return await store.next_due(db, PLATFORM)


async def expire(db: Database) -> int:
    """Have sessions ended whose answer has not come in time. How many."""
    return await store.expire(db, PLATFORM, limit=BATCH, now=time.time())


async def delete_outlived(db: Database) -> int:
    """Delete sessions that nobody may read any more. How many."""
    return await store.delete_outlived(db, PLATFORM, limit=BATCH, now=time.time())


async def waiting(db: Database, turn: DueTurn) -> OpenSession | None:
    """The session that the turn belongs to."""
    return await store.waiting(db, PLATFORM, turn.number_id, turn.theirs)


def checkpoint(db: Database, session: OpenSession) -> bytes:
    """In clear. Raises `ProviderError` where it cannot be read."""
    return db.sealer.unseal(session.checkpoint, SEALED_CHECKPOINT)


async def number(db: Database, turn: DueTurn) -> SmsNumber | None:
    """None where it is there no more, or takes no texts."""
    return await stored_texts.number_by_id(db, PLATFORM, turn.number_id)


async def route(db: Database, turn: DueTurn) -> Route | None:
    return await store.route(db, PLATFORM, turn.number_id)


def said(db: Database, turn: DueTurn) -> str:
    """What the turn's text says."""
    return db.sealer.unseal(turn.body, SEALED_TEXT).decode() if turn.body is not None else ""


async def drop(db: Database, turn: DueTurn) -> None:
    """Nothing is to be done for it."""
    async with db.transaction() as connection:
        await store.take_away(connection, PLATFORM, turn)


async def write(
    db: Database,
    turn: DueTurn,
    number: SmsNumber,
    session: OpenSession | Opened | int,
    came: Came,
    *,
    goes_on: bool = False,
) -> int:
    """Keep all that a turn came to, or nothing of it; the session's own id. `goes_on`: the person has been answered for the last
    time, and the turn stays claimed for the rest. Raises `TurnLost`."""
    now = time.time()
    sealed = db.sealer.seal(came.checkpoint, SEALED_CHECKPOINT) if came.checkpoint is not None else None
    waits_until = now + came.waits_s if came.waits_s is not None else None
    standing = Standing(now, sealed, waits_until, came.private, came.outcome, came.cause[:2000])
    async with db.transaction() as connection:
        if not await (store.go_on_after if goes_on else store.take_away)(connection, PLATFORM, turn):
            raise TurnLost
        match session:
            case Opened(route=route):
                id = await store.begin(
                    connection, PLATFORM, session.session_id, route, number, turn.theirs, session.started_at, standing
                )
            case OpenSession(id=id) | int(id):
                await store.stand(connection, PLATFORM, id, standing)
        if came.entries:
            await store.append(
                connection, PLATFORM, id, [(entry.at, encode_entry(entry).decode()) for entry in came.entries]
            )
        for text in came.texts:
            await sms.send(connection, Scope(number.account_id, number.user_id, "v1"), text)
        if came.shown is not None and turn.sms_id is not None:
            await store.show(connection, PLATFORM, turn.sms_id, came.shown)
    return id


# -- what their owners read ------------------------------------------------------------------------


async def listed(db: Database, scope: Scope, *, before: int, limit: int, theirs: str = "") -> Sequence[TextSessionRow]:
    """Newest first."""
    kept = await retention.kept(db, scope)
    return await store.listed(db, scope, since=kept.details_since, before=before, limit=limit, theirs=theirs)


async def get(db: Database, scope: Scope, session_id: str) -> tuple[TextSessionRow, list[Entry]]:
    """A session with its journal."""
    asked = public_ids.parse(session_id, "conversation by text")
    kept = await retention.kept(db, scope)
    found = await store.get(db, scope, asked, since=kept.details_since)
    if found is None:
        raise NotFound("conversation by text")
    return found, [decode_entry(at, dict(body)) for at, body in await store.events(db, scope, asked)]
