"""Many prompts at once: an archive of audio files, matched with an application's prompts by their names.

`en-US/welcome.wav`, `welcome.en-US.wav`, `welcome_en-US.wav` and `welcome-en-US.wav` are the prompt `welcome` in American
English; `es/welcome.wav` is it in the Spanish that the application speaks, and `welcome.wav` in its first language. Folders
that are no language do not count. Each file is taken or not by itself, and the report says of each what became of it.
"""

import asyncio
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

from callwright.base.errors import AuthorError, RequestError
from callwright.flow.application import build
from callwright.flow.spoken import AUDIO_NAME
from callwright.media import audio_files as forms
from callwright.media.frames import RATE_HZ
from callwright.services import applications, audio_files, audio_prompts
from callwright.services.archives import ArchiveError, Entry, entries
from callwright.store.database import Database
from callwright.store.scope import Scope

BYTES_MAX = 128 << 20
"Of an archive: some hours of telephone audio."

SHOWN_MAX = 300
"Characters of a path in a report."

Status = Literal["added", "replaced", "unchanged", "unknown_name", "unknown_language", "unreadable"]

_LANGUAGE = re.compile(r"([A-Za-z]{2})(?:[-_]([A-Za-z]{2}))?")
_NAME_AND_LANGUAGE = re.compile(r"(.+?)[._-]([A-Za-z]{2}(?:[-_][A-Za-z]{2})?)")
_HIDDEN = re.compile(r"(^|/)(\.[^/.]|__MACOSX/|Thumbs\.db$|desktop\.ini$)")
"What systems put beside people's files."


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one file of an archive."""

    file: str
    "Its path in the archive."

    status: Status
    name: str = ""
    language: str = ""
    duration_ms: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What files of an archive can be matched with."""

    names: Collection[str]
    "In the draft and in the audio manager."

    languages: tuple[str, ...]
    "That the application speaks, the first one first."

    any_name: bool
    "Names that nobody knows are taken, too."


async def upload(
    db: Database,
    audio_dir: Path,
    scope: Scope,
    application_id: int,
    archive: BinaryIO,
    *,
    new_names: bool,
    dry_run: bool,
) -> list[Line]:
    """Take the files of the archive over. `dry_run`: only say what would become of them. Raises `RequestError` 400 for
    what is no archive; of one that is damaged further on, the files before are taken, and the last line says so.
    """
    known = await _known(db, scope, application_id, new_names)
    rows = await audio_prompts.everything(db, scope, application_id)
    recorded = {(row.name, row.language): row.file for row in rows}
    lines: list[Line] = []
    seen: set[tuple[str, str]] = set()
    found = entries(archive, forms.BYTES_MAX)
    while True:
        try:
            entry = await audio_files.in_thread(next, found, None)
        except ArchiveError as error:
            if not lines:
                raise RequestError(400, f"The archive cannot be used: {error.message}.", field="archive") from None
            lines.append(Line("", "unreadable", reason=f"the rest of the archive: {error.message}"))
            break
        if entry is None:
            break
        if _HIDDEN.search(entry.path):
            continue
        line, samples = await audio_files.in_thread(_read, entry, known)
        key = (line.name, line.language)
        if line.status == "added" and key in seen:
            line = Line(line.file, "unreadable", *key, reason="the archive has another file for this prompt")
        elif line.status == "added":
            seen.add(key)
            before = recorded.get(key)
            file = audio_files.named(samples)
            status: Status = "unchanged" if before == file else "replaced" if before else "added"
            line = Line(line.file, status, *key, len(samples) * 1000 // RATE_HZ)
            if status != "unchanged" and not dry_run:
                await audio_prompts.record(db, audio_dir, scope, application_id, *key, samples)
        lines.append(line)
    return lines


async def _known(db: Database, scope: Scope, application_id: int, new_names: bool) -> Known:
    draft = await applications.draft(db, scope, application_id)
    application = await asyncio.to_thread(build, draft.document)
    names = set(audio_prompts.named_in(application))
    names.update(row.name for row in await audio_prompts.everything(db, scope, application_id))
    return Known(names, (application.language, *application.languages), new_names)


def _read(entry: Entry, known: Known) -> tuple[Line, bytes]:
    """`added` with the samples, or what stands in the way."""
    file = entry.path[:SHOWN_MAX]
    if PurePosixPath(entry.path).is_absolute() or ".." in re.split(r"[/\\]", entry.path):
        return Line(file, "unreadable", reason="its path leads out of the archive"), b""
    if not forms.is_named_as_audio(entry.path):
        return Line(file, "unreadable", reason="its name does not end as that of an audio file"), b""
    name, language = matched(entry.path, known)
    if language not in known.languages:
        reason = f"the application speaks {', '.join(known.languages)}"
        return Line(file, "unknown_language", name, language, reason=reason), b""
    if name not in known.names:
        if not known.any_name:
            reason = "neither the draft nor the audio manager has a prompt of this name"
            return Line(file, "unknown_name", name, language, reason=reason), b""
        if not re.fullmatch(AUDIO_NAME, name):
            reason = "a name has at most 100 letters, digits, blanks, dots, dashes and underscores"
            return Line(file, "unknown_name", name[:SHOWN_MAX], language, reason=reason), b""
    if entry.content is None:
        return Line(file, "unreadable", name, language, reason=entry.problem), b""
    try:
        samples = forms.ulaw_of(entry.content, entry.path)
    except AuthorError as error:
        return Line(file, "unreadable", name, language, reason=error.message), b""
    return Line(file, "added", name, language), samples


def matched(path: str, known: Known) -> tuple[str, str]:
    """The prompt's name and language that a path in an archive means."""
    pure = PurePosixPath(path)
    name = pure.stem
    folder = pure.parent.name
    if _LANGUAGE.fullmatch(folder):
        return name, _language(folder, known)
    found = _NAME_AND_LANGUAGE.fullmatch(name)
    if name in known.names or found is None:
        return name, known.languages[0]
    language = _language(found[2], known)
    # Two letters alone may well be the end of a name.
    if len(found[2]) == 2 and language not in known.languages:
        return name, known.languages[0]
    return found[1], language


def _language(text: str, known: Known) -> str:
    """`en_us` → `en-US`; `en` → the English that the application speaks."""
    found = _LANGUAGE.fullmatch(text)
    assert found is not None
    first, second = found[1].lower(), (found[2] or "").upper()
    if second:
        return f"{first}-{second}"
    return next((one for one in known.languages if one[:2] == first), first)
