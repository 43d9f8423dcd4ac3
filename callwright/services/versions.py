"""What can be done with the versions of an application: compared with one another and the draft, taken back, copied."""

import asyncio
from typing import Any, Literal

from callwright.flow.application import Application, build, written
from callwright.flow.audio_names import with_files, without_files
from callwright.flow.differences import Difference, differences
from callwright.services import applications, audio_prompts
from callwright.services.applications import Revisions
from callwright.store.database import Database
from callwright.store.scope import Scope

Which = int | Literal["draft"]
"A version by its number, or the draft."


async def compared(db: Database, scope: Scope, application_id: int, old: Which, new: Which) -> list[Difference]:
    """What has changed from one to the other, in words. A draft counts with the audio that it would be published with."""
    before, after = [await _application(db, scope, application_id, which) for which in (old, new)]
    return await asyncio.to_thread(differences, before, after)


async def restore(db: Database, scope: Scope, application_id: int, number: int, revisions: Revisions = None) -> int:
    """Make the version the draft again. Returns the draft's revision."""
    await applications.draft_at(db, scope, application_id, revisions)
    document = await _editable(db, scope, application_id, number)
    return await applications.save_draft(db, scope, application_id, document, revisions)


async def copy(db: Database, scope: Scope, application_id: int, *, name: str, number: int | None = None) -> int:
    """A new application with the draft, or the version of that number, as its draft, and with all its prompts."""
    if number is None:
        document = (await applications.draft(db, scope, application_id)).document
    else:
        document = await _editable(db, scope, application_id, number)
    copied = await applications.create(db, scope, {**document, "name": name})
    await audio_prompts.copy(db, scope, application_id, copied)
    return copied


async def _editable(db: Database, scope: Scope, application_id: int, number: int) -> dict[str, Any]:
    """A version as an author has it: names of audio without their files, and nothing that goes without saying."""
    version = await applications.version(db, scope, application_id, number)
    return await asyncio.to_thread(lambda: written(without_files(build(version.document))))


async def _application(db: Database, scope: Scope, application_id: int, which: Which) -> Application:
    if which != "draft":
        return await asyncio.to_thread(build, (await applications.version(db, scope, application_id, which)).document)
    application = await asyncio.to_thread(build, (await applications.draft(db, scope, application_id)).document)
    return with_files(application, await audio_prompts.table(db, scope, application_id, application))
