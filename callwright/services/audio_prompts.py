"""The audio manager: an application's prompts by name and language. Drafts name them; publishing takes their files over."""

import asyncio
import time
from collections.abc import Collection
from pathlib import Path

from callwright.base.errors import NotFound, RequestError
from callwright.flow.application import Application, DocumentError, build
from callwright.flow.audio_names import AudioTable, NamedAudio, audio_parts
from callwright.services import applications, audio_files
from callwright.store import audio_files as stored_files
from callwright.store import audio_prompts as store
from callwright.store.audio_prompts import PromptRow
from callwright.store.database import Database
from callwright.store.scope import Scope

PROMPTS_MAX = 10_000
"Of one application: a thousand names in ten languages."


async def listed(
    db: Database,
    scope: Scope,
    application_id: int,
    *,
    name: str = "",
    language: str = "",
    after: int = 0,
    limit: int = 100,
) -> list[PromptRow]:
    """By id. `name` is a part of the name; empty names and languages mean all."""
    await applications.get(db, scope, application_id)
    return await store.listed(db, scope, application_id, name=name, language=language, after=after, limit=limit)


async def get(db: Database, scope: Scope, application_id: int, name: str, language: str) -> PromptRow:
    found = await store.get(db, scope, application_id, name, language)
    if found is None:
        raise NotFound("prompt")
    return found


async def put(
    db: Database, scope: Scope, application_id: int, name: str, language: str, *, file: str | None, words: str
) -> PromptRow:
    """Add a prompt or replace it whole. `file` is one that the account has."""
    await _has_room(db, scope, application_id, name, language)
    if file is not None and not await stored_files.known(db, scope, [file]):
        raise RequestError(400, f"The account has no audio file {file}.", field="file")
    await store.put(db, scope, application_id, name, language, file=file, words=words, now=time.time())
    return await get(db, scope, application_id, name, language)


async def put_file(
    db: Database,
    audio_dir: Path,
    scope: Scope,
    application_id: int,
    name: str,
    language: str,
    *,
    content: bytes,
    file_name: str,
) -> PromptRow:
    """Record a prompt anew, or for the first time; its words stay. `content` is what people bring."""
    samples = await audio_files.convert(content, file_name)
    await record(db, audio_dir, scope, application_id, name, language, samples)
    return await get(db, scope, application_id, name, language)


async def record(
    db: Database, audio_dir: Path, scope: Scope, application_id: int, name: str, language: str, samples: bytes
) -> None:
    """As `put_file`, with µ-law samples."""
    await _has_room(db, scope, application_id, name, language)
    file = await audio_files.keep(db, audio_dir, scope, samples)
    await store.put_file(db, scope, application_id, name, language, file=file, now=time.time())


async def everything(db: Database, scope: Scope, application_id: int) -> list[PromptRow]:
    """All prompts of the application."""
    return await store.listed(db, scope, application_id, name="", language="", after=0, limit=PROMPTS_MAX)


def named_in(application: Application) -> set[str]:
    """The names that the application speaks."""
    return {part.audio for _, _, part in audio_parts(application) if part.is_name}


async def delete(db: Database, scope: Scope, application_id: int, name: str, language: str) -> None:
    """Raises `RequestError` 409 while the draft speaks it. Published versions have the file itself and go on playing it."""
    await get(db, scope, application_id, name, language)
    draft = await applications.draft(db, scope, application_id)
    try:
        application = await asyncio.to_thread(build, draft.document)
    except DocumentError:
        # A draft of an older release that cannot be read any more needs nothing.
        uses = ""
    else:
        spoken = (application.language, *application.languages)
        uses = _place(application, name) if language in spoken else ""
    if uses:
        raise RequestError(409, f"The draft uses it: {uses}.", field="name")
    await store.delete(db, scope, application_id, name, language)


def _place(application: Application, name: str) -> str:
    places = (
        f"page {page!r}, module {module!r}" if module else "its settings"
        for page, module, part in audio_parts(application)
        if part.audio == name
    )
    return next(places, "")


async def table(db: Database, scope: Scope, application_id: int, application: Application) -> AudioTable:
    """What there is of the audio that the application names."""
    names = named_in(application)
    files = {part.audio for _, _, part in audio_parts(application) if part.audio.startswith("sha256:")}
    named: dict[str, dict[str, NamedAudio]] = {}
    for row in await store.named(db, scope, application_id, sorted(names)) if names else ():
        named.setdefault(row.name, {})[row.language] = NamedAudio(row.file or "", row.words)
    known: Collection[str] = await stored_files.known(db, scope, files) if files else ()
    return AudioTable(named, known)


async def copy(db: Database, scope: Scope, from_id: int, to_id: int) -> None:
    """All prompts of one application into a new one."""
    await store.copy(db, scope, from_id, to_id, time.time())


async def _has_room(db: Database, scope: Scope, application_id: int, name: str, language: str) -> None:
    await applications.get(db, scope, application_id)
    is_new = await store.get(db, scope, application_id, name, language) is None
    if is_new and await store.count(db, scope, application_id) >= PROMPTS_MAX:
        raise RequestError(409, f"An application has at most {PROMPTS_MAX} prompts.", field="name")
