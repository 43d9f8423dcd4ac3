"""The names of the audio manager in an application: where they stand, and what they mean once it is published.

An author writes `{audio: welcome}`; the audio manager says which file that is in each language. Publishing puts the
files themselves into the document, so that a version sounds the same whatever becomes of the names.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel

from callwright.flow.application import Application
from callwright.flow.spoken import AudioPart


@dataclass(frozen=True, slots=True)
class NamedAudio:
    """What a name of the audio manager means in one language."""

    file: str = ""
    "`sha256:<64 hex digits>`; empty: not recorded yet."

    words: str = ""
    "What is said in the file, and spoken in its place where there is none."


@dataclass(frozen=True, slots=True)
class AudioTable:
    """The audio that there is for an application."""

    named: Mapping[str, Mapping[str, NamedAudio]] = field(default_factory=dict)
    "By name and language."

    files: Collection[str] = ()
    "Those files that the application names itself (`sha256:…`) and that the account has."


def audio_parts(application: Application) -> Iterator[tuple[str, str, AudioPart]]:
    """(page, module, part) of every audio file in the application; page and module are empty for its settings."""
    for name in type(application).model_fields:
        if name != "pages":
            yield from (("", "", part) for part in _parts(getattr(application, name)))
    for page in application.pages:
        for module in page.modules:
            if module.runs:
                yield from ((page.name, module.name, part) for part in _parts(module))


def _parts(value: object) -> Iterator[AudioPart]:
    if isinstance(value, AudioPart):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _parts(getattr(value, name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _parts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _parts(item)


def with_files(application: Application, table: AudioTable) -> Application:
    """The application as it is published: each name with its files and words. To be run, it is built anew."""

    def filled(part: AudioPart) -> AudioPart:
        if not part.is_name:
            return part
        known = table.named.get(part.audio, {})
        files = {language: one.file for language, one in known.items() if one.file}
        words = {language: one.words for language, one in known.items() if one.words}
        return part.model_copy(update={"files": files, "words": words})

    return _changed(application, filled)


def without_files(application: Application) -> Application:
    """The application as an author has it: names only."""
    return with_files(application, AudioTable())


Changed = TypeVar("Changed")


def _changed(value: Changed, change: Callable[[AudioPart], AudioPart]) -> Changed:
    """A copy with every part changed; what holds none is the same object."""
    made: object = value
    if isinstance(value, AudioPart):
        made = change(value)
    elif isinstance(value, BaseModel):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        fresh = {name: _changed(item, change) for name, item in fields.items()}
        update = {name: item for name, item in fresh.items() if item is not fields[name]}
        made = value.model_copy(update=update) if update else value
    elif isinstance(value, dict):
        items = {key: _changed(item, change) for key, item in value.items()}
        made = items if any(items[key] is not value[key] for key in items) else value
    elif isinstance(value, list):
        entries = [_changed(item, change) for item in value]
        made = entries if any(a is not b for a, b in zip(entries, value, strict=True)) else value
    return made  # type: ignore[return-value]
