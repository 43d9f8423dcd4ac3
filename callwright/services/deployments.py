"""Deployments: an application's version bound to an address, or to none for outbound calls only."""

import time
from collections.abc import Collection, Sequence

from callwright.base import phone_numbers
from callwright.base.errors import Deleted, Forbidden, NotFound, RequestError
from callwright.services import applications
from callwright.store import deployments as store
from callwright.store.database import Database
from callwright.store.deployments import DeploymentRow, Route
from callwright.store.gathering import gathered
from callwright.store.scope import PLATFORM, Scope, reaches


async def create(db: Database, scope: Scope, *, application_id: int, version: int | None, label: str) -> int:
    """Raises `NotFound` where the application, or that version of it, is not there, 409 where none is published yet."""
    if version is None:
        if (await applications.get(db, scope, application_id)).latest_version is None:
            raise RequestError(409, "Publish a version of the application first.", field="application_id")
    else:
        await applications.version(db, scope, application_id, version)
    return await store.insert(db, scope, application_id=application_id, version=version, label=label)


async def listed(db: Database, scope: Scope, *, after: int = 0, limit: int = 100) -> list[DeploymentRow]:
    return await store.listed(db, scope, after=after, limit=limit)


async def get(db: Database, scope: Scope, deployment_id: int) -> DeploymentRow:
    found = await store.get(db, scope, deployment_id)
    if found is None or found.deleted_at is not None:
        raise NotFound("deployment")
    return found


async def delete(db: Database, scope: Scope, deployment_id: int) -> None:
    if not await store.delete(db, scope, deployment_id, time.time()):
        raise NotFound("deployment")


async def for_outbound(
    db: Database, scope: Scope, *, application_id: int, deployment_id: int, action: str
) -> DeploymentRow:
    """The deployment that calls are queued for, checked in Plum's order: there (404), not deleted (409), one's own (403).

    The documents give 403 to a user who "lacks permission", so that it exists is told to whoever knows both ids;
    nothing else of it is. `action` completes "You do not have permission to …".
    """
    # Those who ask for the same one at the same time are told by one statement, which begins after they asked.
    found = await gathered(db, _found, deployment_id, None)
    if found is None or found.application_id != application_id:
        raise NotFound("deployment")
    for noun, deleted_at in (
        ("deployment", found.deleted_at),
        ("application", found.application_deleted_at),
        ("user", found.user_deleted_at),
    ):
        if deleted_at is not None:
            raise Deleted(noun)
    if not reaches(scope, found.account_id, found.user_id):
        raise Forbidden(action)
    return found


async def _found(db: Database, deployment_id: int, asked: Sequence[None]) -> Sequence[DeploymentRow | None]:
    return [await store.get(db, PLATFORM, deployment_id)] * len(asked)


async def route_inbound(
    db: Database, dialled: Sequence[str], accounts: Collection[int] | None = None, default: int | None = None
) -> Route | None:
    """Where a caller goes: the one place that decides it.

    `dialled`: what was dialled, as the INVITE says it in several places; the first that is a number counts, in whatever way
    it is written (`phone_numbers.heard`, `spellings`). `accounts`: whose numbers it may reach: those whose trunk or phone it
    comes by; None: everybody's. `default`: the deployment that takes what no number takes, of one of these accounts.
    """
    whose = None if accounts is None else sorted(accounts)
    for address in dialled:
        written = (*phone_numbers.spellings(address), *phone_numbers.spellings(phone_numbers.heard(address)))
        for spelling in dict.fromkeys(written):
            if (found := await store.route_inbound(db, PLATFORM, spelling, whose)) is not None:
                return found
    return None if default is None or whose is None else await store.route_default(db, PLATFORM, default, whose)
