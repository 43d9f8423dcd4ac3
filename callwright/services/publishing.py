"""From a draft to a version: inspected, its transcripts played, its audio taken over from the audio manager."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from callwright.base.errors import NotFound, ProviderError, RequestError
from callwright.flow.application import Application, DocumentError, build
from callwright.flow.audio_names import AudioTable, with_files
from callwright.flow.inspection import Dependencies, Finding, dependencies, inspect
from callwright.providers.pipe_worker import PipeWorker
from callwright.services import applications, audio_prompts
from callwright.services.applications import Revisions
from callwright.store import applications as store
from callwright.store.database import Database
from callwright.store.scope import Scope

WRONG_SHOWN = 10
"Reasons against publishing that are told at once."

REHEARSAL_S_MAX = 20.0
"For all transcripts of an application. Each takes a millisecond; only scripts take longer."

_REHEARSALS = asyncio.Semaphore(2)
"Processes at once that play transcripts; others wait."

OTHERS_MAX = 50
"Applications that one goes to, and they to others, which are loaded for its transcripts."


@dataclass(frozen=True, slots=True)
class Publication:
    """A version that was published."""

    number: int
    warnings: list[Finding]


async def publish(db: Database, scope: Scope, application_id: int, revisions: Revisions = None) -> Publication:
    """Publish the draft, if nothing in it is wrong and its own transcripts pass.

    Raises `RequestError` 409 with what is wrong, 412 where the draft is at none of `revisions`.
    """
    draft = await applications.draft_at(db, scope, application_id, revisions)
    try:
        application = await asyncio.to_thread(build, draft.document)
    except DocumentError as error:
        raise RequestError(409, f"The draft cannot be published: {error}", field=error.field) from None
    audio = await audio_prompts.table(db, scope, application_id, application)
    findings = await asyncio.to_thread(inspect, application, audio)
    wrong = [str(finding) for finding in findings if finding.level == "error"]
    if application.transcripts:
        results = await _rehearsed(db, scope, application, application.transcripts)
        wrong += [
            f"transcript {one['name']!r}: {' '.join(one['problem'].split())}"
            for one in results["transcripts"]
            if not one["passed"]
        ]
    if wrong:
        raise RequestError(409, f"The draft cannot be published: {'; '.join(wrong[:WRONG_SHOWN])}", field="draft")
    document = await asyncio.to_thread(as_published, application, audio)
    number = await store.insert_version(db, scope, application_id, document)
    if number is None:
        raise NotFound("application")
    return Publication(number, findings)


def as_published(application: Application, audio: AudioTable) -> dict[str, object]:
    """The document of a version: with the files of its audio, and every default, which a later release may have changed."""
    document: dict[str, object] = with_files(application, audio).model_dump(mode="json")
    return document


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is odd about a draft, and what it needs from outside."""

    findings: list[Finding]
    dependencies: Dependencies


async def inspected(db: Database, scope: Scope, application_id: int) -> Inspection:
    """The draft, inspected."""
    draft = await applications.draft(db, scope, application_id)
    application = await asyncio.to_thread(build, draft.document)
    audio = await audio_prompts.table(db, scope, application_id, application)
    return await asyncio.to_thread(lambda: Inspection(inspect(application, audio), dependencies(application)))


async def rehearsed(
    db: Database, scope: Scope, application_id: int, transcripts: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What came of playing these transcripts against the draft, as `Results.as_data` has it; None: its own.

    Raises `RequestError` 409 where they take too long.
    """
    draft = await applications.draft(db, scope, application_id)
    application = await asyncio.to_thread(build, draft.document)
    return await _rehearsed(db, scope, application, application.transcripts if transcripts is None else transcripts)


async def _rehearsed(
    db: Database, scope: Scope, application: Application, transcripts: Mapping[str, str]
) -> dict[str, Any]:
    """In a process that can be ended: scripts run in them that nothing can interrupt."""
    question = {
        "document": application.model_dump(mode="json"),
        "transcripts": dict(transcripts),
        "others": [other.model_dump(mode="json") for other in await _others(db, scope, application)],
    }
    async with _REHEARSALS:
        worker = PipeWorker("callwright.providers.rehearsal_worker", "the run of the transcripts", REHEARSAL_S_MAX)
        try:
            return await worker.ask(question)
        except ProviderError as error:
            raise RequestError(409, f"The transcripts were not played to the end: {error}.", field="draft") from None
        finally:
            await worker.close()


async def _others(db: Database, scope: Scope, application: Application) -> list[Application]:
    """The published applications of the account that this one goes to, and those that they go to."""
    found: dict[str, Application] = {}
    waiting = [application]
    while waiting:
        for name in dependencies(waiting.pop()).applications:
            if name in found or len(found) == OTHERS_MAX:
                continue
            row = await applications.published(db, scope.account_id, name, None)
            if row is None:
                continue
            # One of an older release that can no longer be read is not there for a call either.
            with contextlib.suppress(DocumentError):
                # It may be named by its id, and is looked for by what it is named.
                found[name] = await asyncio.to_thread(build, {**row.document, "name": name})
                waiting.append(found[name])
    return list(found.values())
