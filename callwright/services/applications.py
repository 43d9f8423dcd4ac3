"""Applications: a draft that may change, and published versions that never do."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from callwright.base.errors import NotFound, RequestError
from callwright.flow.application import Application, DocumentError, build, parse
from callwright.flow.inspection import Dependencies, Finding, dependencies, inspect
from callwright.rehearsal.transcript import TranscriptError, play
from callwright.rehearsal.transcript import parse as parse_transcript
from callwright.store import applications as store
from callwright.store.applications import ApplicationRow, VersionRow
from callwright.store.database import Database
from callwright.store.scope import Scope

WRONG_SHOWN = 10
"Reasons against publishing that are told at once."


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


@dataclass(frozen=True, slots=True)
class Publication:
    """A version that was published."""

    number: int
    warnings: list[Finding]


async def publish(db: Database, scope: Scope, application_id: int) -> Publication:
    """Publish the draft, if nothing in it is wrong and its own transcripts pass.

    Raises `RequestError` 409 with what is wrong.
    """
    document = await draft(db, scope, application_id)
    # In a thread: transcripts take a millisecond each, and others are waiting.
    warnings = await asyncio.to_thread(_checked, document)
    number = await store.insert_version(db, scope, application_id, document)
    if number is None:
        raise NotFound("application")
    return Publication(number, warnings)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is odd about a draft, and what it needs from outside."""

    findings: list[Finding]
    dependencies: Dependencies


async def inspected(db: Database, scope: Scope, application_id: int) -> Inspection:
    """The draft, inspected."""
    application = build(await draft(db, scope, application_id))
    return Inspection(inspect(application), dependencies(application))


def _checked(document: dict[str, Any]) -> list[Finding]:
    try:
        application = build(document)
    except DocumentError as error:
        raise RequestError(409, f"The draft cannot be published: {error}", field=error.field) from None
    findings = inspect(application)
    wrong = [str(finding) for finding in findings if finding.level == "error"]
    wrong += _failed(application)
    if wrong:
        raise RequestError(409, f"The draft cannot be published: {'; '.join(wrong[:WRONG_SHOWN])}", field="draft")
    return findings


def _failed(application: Application) -> Iterator[str]:
    """What is wrong with each of its transcripts that does not pass."""
    for name, text in application.transcripts.items():
        try:
            mismatch = play(application, parse_transcript(text)).mismatch
        except TranscriptError as error:
            yield f"transcript {name!r}: {error}"
        else:
            if mismatch is not None:
                yield f"transcript {name!r}: {' '.join(str(mismatch).split())}"


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
