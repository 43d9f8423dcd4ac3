"""Applications: a draft that may change, and published versions that never do."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from callwright.base.errors import NotFound, ProviderError, RequestError
from callwright.flow.application import Application, DocumentError, build, parse
from callwright.flow.inspection import Dependencies, Finding, dependencies, inspect
from callwright.providers.pipe_worker import PipeWorker
from callwright.store import applications as store
from callwright.store.applications import ApplicationRow, VersionRow
from callwright.store.database import Database
from callwright.store.scope import Scope

WRONG_SHOWN = 10
"Reasons against publishing that are told at once."

TRANSCRIPTS_S_MAX = 20.0
"A transcript takes a millisecond, and there are at most 100; a script of theirs may take a quarter of a second."

_REHEARSALS = asyncio.Semaphore(2)
"Processes at once that play transcripts; other publications wait."


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
    findings = await asyncio.to_thread(_findings, document)
    wrong = [str(finding) for finding in findings if finding.level == "error"] + await _failed(document)
    if wrong:
        raise RequestError(409, f"The draft cannot be published: {'; '.join(wrong[:WRONG_SHOWN])}", field="draft")
    number = await store.insert_version(db, scope, application_id, document)
    if number is None:
        raise NotFound("application")
    return Publication(number, findings)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is odd about a draft, and what it needs from outside."""

    findings: list[Finding]
    dependencies: Dependencies


async def inspected(db: Database, scope: Scope, application_id: int) -> Inspection:
    """The draft, inspected."""
    application = build(await draft(db, scope, application_id))
    return Inspection(inspect(application), dependencies(application))


def _findings(document: dict[str, Any]) -> list[Finding]:
    try:
        return inspect(build(document))
    except DocumentError as error:
        raise RequestError(409, f"The draft cannot be published: {error}", field=error.field) from None


async def _failed(document: dict[str, Any]) -> list[str]:
    """What is wrong with each of its transcripts that does not pass."""
    if not document.get("transcripts"):
        return []
    async with _REHEARSALS:
        worker = PipeWorker("callwright.providers.rehearsal_worker", "the run of its transcripts", TRANSCRIPTS_S_MAX)
        try:
            failed: list[str] = (await worker.ask({"document": document}))["failed"]
        except ProviderError as error:
            return [str(error)]
        finally:
            await worker.close()
        return failed


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
