"""Calls that run a document: one at a time, or a campaign of them from a file (DEV outbound)."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import BinaryIO

from callwright.base.contacts import Contact
from callwright.base.errors import NotFound, RequestError
from callwright.services import outbound
from callwright.store import campaigns as store
from callwright.store import outbound as stored_calls
from callwright.store.campaigns import CampaignRow
from callwright.store.database import Database
from callwright.store.outbound import Document, NewCall
from callwright.store.scope import Scope


@dataclass(frozen=True, slots=True)
class NewCampaign:
    """A campaign to be made, with what each of its calls runs."""

    name: str
    start_url: str
    parameters: str = ""
    "Told to the document of each of its calls."


@dataclass(frozen=True, slots=True)
class Queued:
    """A campaign that was made."""

    id: int
    calls: list[tuple[str, int]]
    "(telephone number as it was given, call id), in the order of the file."


async def queue_call(db: Database, scope: Scope, start_url: str, call: NewCall) -> int:
    """Queue one call that runs the document of `start_url`. Returns its id."""
    async with db.transaction() as connection:
        document = Document(start_url, await store.of_single_calls(connection, scope))
        (call_id,) = await stored_calls.insert(connection, scope, document, [call], time.time())
    return call_id


async def queue_calls(
    db: Database,
    scope: Scope,
    campaign: NewCampaign,
    file: BinaryIO,
    like: Callable[[Contact], NewCall],
    *,
    confirm: Callable[[], Awaitable[None]],
) -> Queued:
    """Make a campaign of the calls that `like` makes of a file's contacts: all of it or nothing (`outbound.queue_calls`).

    Raises `ContactsError`, and `RequestError` 409 where the user has a campaign of that name.
    """
    await outbound.check_file(db, scope, file, like)
    async with db.transaction() as connection:
        campaign_id = await store.insert(connection, scope, name=campaign.name, parameters=campaign.parameters)
        if campaign_id is None:
            raise RequestError(409, f"There is a campaign named {campaign.name} already.", field="campaign_name")
        document = Document(campaign.start_url, campaign_id)
        await outbound.insert_file(connection, scope, document, file, like, confirm=confirm)
        return Queued(campaign_id, await store.numbers(connection, scope, campaign_id))


async def listed(db: Database, scope: Scope, *, after: int = 0, limit: int = 100) -> list[CampaignRow]:
    return await store.listed(db, scope, after=after, limit=limit)


async def cancel_pending(db: Database, scope: Scope, campaign_id: int) -> int:
    """Cancel every call of the campaign that is still queued. Returns how many. Raises `NotFound`."""
    if not [one for one in await store.listed(db, scope, after=campaign_id - 1, limit=1) if one.id == campaign_id]:
        raise NotFound("campaign")
    return await stored_calls.cancel_pending(db, scope, "campaign_id", campaign_id, time.time())
