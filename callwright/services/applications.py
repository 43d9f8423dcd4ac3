"""Applications: a draft that may change, and published versions that never do."""

import time
from typing import Any

from callwright.base.errors import NotFound, RequestError
from callwright.flow.application import Application, DocumentError, build, parse
from callwright.store import applications as store
from callwright.store.applications import ApplicationRow, VersionRow
from callwright.store.database import Database
from callwright.store.scope import Scope


def read_document(text: str) -> dict[str, Any]:
    """A document in JSON or YAML, validated, as it is stored. Raises `DocumentError` with every error found."""
    return as_stored(parse(text))


def as_stored(application: Application) -> dict[str, Any]:
    stored: dict[str, Any] = application.model_dump(mode="json", exclude_defaults=False)
    return stored


async def create(db: Database, scope: Scope, document: dict[str, Any]) -> int:
    """A new application with this validated document as its draft."""
    return await store.insert(db, scope, name=document["name"], draft=document)


async def listed(db: Database, scope: Scope, *, after: int = 0, limit: int = 100) -> list[ApplicationRow]:
    return await store.listed(db, scope, after=after, limit=limit)


async def get(db: Database, scope: Scope, application_id: int) -> ApplicationRow:
    return _there(await store.get(db, scope, application_id))


async def draft(db: Database, scope: Scope, application_id: int) -> dict[str, Any]:
    found = await store.draft(db, scope, application_id)
    if found is None:
        raise NotFound("application")
    return found


async def save_draft(db: Database, scope: Scope, application_id: int, document: dict[str, Any]) -> None:
    if not await store.save_draft(db, scope, application_id, name=document["name"], document=document):
        raise NotFound("application")


async def publish(db: Database, scope: Scope, application_id: int) -> int:
    """Publish the draft. Returns the version's number. Raises `RequestError` 409 where the draft is no longer valid."""
    document = await draft(db, scope, application_id)
    try:
        build(document)
    except DocumentError as error:
        raise RequestError(409, f"The draft cannot be published: {error}", field=error.field) from None
    number = await store.insert_version(db, scope, application_id, document)
    if number is None:
        raise NotFound("application")
    return number


async def versions(db: Database, scope: Scope, application_id: int) -> list[tuple[int, float]]:
    await get(db, scope, application_id)
    return await store.versions(db, scope, application_id)


async def version(db: Database, scope: Scope, application_id: int, number: int) -> VersionRow:
    found = await store.version(db, scope, application_id, number)
    if found is None:
        raise NotFound("version")
    return found


async def version_document(db: Database, scope: Scope, version_id: int) -> VersionRow:
    found = await store.version_by_id(db, scope, version_id)
    if found is None:
        raise NotFound("version")
    return found


async def published(db: Database, account_id: int, application: str, version: int | None) -> VersionRow | None:
    """A published version of the account's application of that id or name; None: its latest. None where there is none."""
    return await store.published(db, account_id, application, version)


async def delete(db: Database, scope: Scope, application_id: int) -> None:
    """Calls in progress go on; deployments of it no longer take calls."""
    if not await store.delete(db, scope, application_id, time.time()):
        raise NotFound("application")


def _there(row: ApplicationRow | None) -> ApplicationRow:
    if row is None:
        raise NotFound("application")
    return row
