"""Applications: a draft that may change, and published versions that never do."""

import time
from collections.abc import Collection
from functools import cache
from typing import Any

from callwright.base.errors import NotFound, RequestError
from callwright.flow.application import build, json_schema, values
from callwright.flow.migrations import FORM, newest
from callwright.store import applications as store
from callwright.store.applications import ApplicationRow, DraftRow, VersionRow
from callwright.store.database import Database
from callwright.store.scope import Scope

Revisions = Collection[int] | None
"Of a draft, at one of which a change may be made; None: at any."


def read_document(text: str) -> dict[str, Any]:
    """A document in JSON or YAML, validated, as its author wrote it. Raises `DocumentError` with every error found."""
    written = values(text)
    build(written)
    # Without its form it would be taken for one of a later release's newest form.
    return {"callwright": FORM, **newest(written)}


@cache
def schema() -> dict[str, Any]:
    """The form of documents as JSON Schema, with every module's documentation and icon."""
    return json_schema()


async def create(db: Database, scope: Scope, document: dict[str, Any]) -> int:
    """A new application with this validated document as its draft."""
    return await store.insert(db, scope, name=document["name"], draft=document)


async def listed(db: Database, scope: Scope, *, after: int = 0, limit: int = 100) -> list[ApplicationRow]:
    return await store.listed(db, scope, after=after, limit=limit)


async def get(db: Database, scope: Scope, application_id: int) -> ApplicationRow:
    found = await store.get(db, scope, application_id)
    if found is None:
        raise NotFound("application")
    return found


async def delete(db: Database, scope: Scope, application_id: int) -> None:
    """Calls in progress go on; deployments of it no longer take calls."""
    if not await store.delete(db, scope, application_id, time.time()):
        raise NotFound("application")


# -- the draft ------------------------------------------------------------------------------------


async def draft(db: Database, scope: Scope, application_id: int) -> DraftRow:
    found = await store.draft(db, scope, application_id)
    if found is None:
        raise NotFound("application")
    return found


async def draft_at(db: Database, scope: Scope, application_id: int, revisions: Revisions) -> DraftRow:
    """The draft, if it is at one of these revisions. Raises `RequestError` 412."""
    found = await draft(db, scope, application_id)
    if revisions is not None and found.revision not in revisions:
        raise _changed_meanwhile(found)
    return found


async def save_draft(
    db: Database, scope: Scope, application_id: int, document: dict[str, Any], revisions: Revisions = None
) -> int:
    """The draft's new revision. Raises `RequestError` 412 where it is at none of `revisions`."""
    name = document["name"]
    revision = await store.save_draft(db, scope, application_id, name=name, document=document, revisions=revisions)
    if revision is None:
        raise _changed_meanwhile(await draft(db, scope, application_id))
    return revision


async def rename(db: Database, scope: Scope, application_id: int, name: str, revisions: Revisions = None) -> int:
    """Another name, in the draft too, which is where it stands. Returns the draft's revision."""
    found = await draft_at(db, scope, application_id, revisions)
    return await save_draft(db, scope, application_id, {**found.document, "name": name}, [found.revision])


def _changed_meanwhile(found: DraftRow) -> RequestError:
    return RequestError(412, f"The draft has been changed: it is at revision {found.revision} now.", field="If-Match")


# -- versions -------------------------------------------------------------------------------------


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
