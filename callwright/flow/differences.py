"""What has changed between two forms of an application, in words: for the author, the console and a review."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from callwright.flow.application import Application
from callwright.flow.module import Module

SHOWN = 60
"Characters of a value that are told."


@dataclass(frozen=True, slots=True)
class Difference:
    """One change. `page` and `module` are empty where it is of the application as a whole."""

    message: str
    page: str = ""
    module: str = ""

    def __str__(self) -> str:
        place = ", ".join(f"{what} {name!r}" for what, name in (("page", self.page), ("module", self.module)) if name)
        return f"{place + ': ' if place else ''}{self.message}"


def differences(old: Application, new: Application) -> list[Difference]:
    """Every change, in the order of the new document, what was removed last. None: the two do the same.

    Whether a default is written out makes no difference.
    """
    were, are = _placed(old), _placed(new)
    renamed = _renamed(were, are)
    return [
        *(
            Difference(words)
            for words in _changed("", _dumped(old, exclude={"pages"}), _dumped(new, exclude={"pages"}))
        ),
        *_pages(old, new),
        *_modules(were, are, renamed),
        *(
            Difference(f"removed (type {module.type})", page, name)
            for name, (page, module) in were.items()
            if name not in are and name not in renamed
        ),
    ]


Placed = Mapping[str, tuple[str, Module]]


def _placed(application: Application) -> Placed:
    return {module.name: (page.name, module) for page in application.pages for module in page.modules}


def _renamed(were: Placed, are: Placed) -> dict[str, str]:
    """Old name → new name of each module that has only another name now."""
    gone = {name: were[name] for name in were if name not in are}
    found: dict[str, str] = {}
    for name, (page, module) in are.items():
        if name in were:
            continue
        for old_name, (old_page, old_module) in gone.items():
            if old_name not in found and old_page == page and _same_but_name(old_module, module):
                found[old_name] = name
                break
    return found


def _same_but_name(one: Module, other: Module) -> bool:
    left, right = _dumped(one, exclude={"name"}), _dumped(other, exclude={"name"})
    return left == right


def _dumped(model: Any, *, exclude: set[str]) -> dict[str, Any]:
    dumped: dict[str, Any] = model.model_dump(mode="json", by_alias=True, exclude=exclude)
    return dumped


def _pages(old: Application, new: Application) -> Iterator[Difference]:
    were, are = [page.name for page in old.pages], [page.name for page in new.pages]
    yield from (Difference(f"page {name!r} added") for name in are if name not in were)
    yield from (Difference(f"page {name!r} removed") for name in were if name not in are)
    if are != were and sorted(are) == sorted(were):
        yield Difference(f"the order of the pages is now {', '.join(are)}")


def _modules(were: Placed, are: Placed, renamed: Mapping[str, str]) -> Iterator[Difference]:
    old_names = {new: old for old, new in renamed.items()}
    for name, (page, module) in are.items():
        if name in old_names:
            yield Difference(f"renamed, it was {old_names[name]!r}", page, name)
        elif name not in were:
            yield Difference(f"added (type {module.type})", page, name)
        else:
            old_page, old_module = were[name]
            if old_page != page:
                yield Difference(f"moved here from page {old_page!r}", page, name)
            yield from (Difference(words, page, name) for words in _module(old_module, module, renamed))


def _module(old: Module, new: Module, renamed: Mapping[str, str]) -> Iterator[str]:
    if old.type != new.type:
        yield f"was of type {old.type}, and is of type {new.type}"
        return
    for exit in {**new.exits, **old.exits}:
        was, now = old.exits.get(exit), new.exits.get(exit)
        if now is not None and now in (was, renamed.get(was or "")):
            continue
        if was is None:
            yield f"exit {exit} added, it leads to {now!r}"
        elif now is None:
            yield f"exit {exit} removed, it led to {was!r}"
        else:
            yield f"exit {exit} leads to {now!r}, no longer to {was!r}"
    yield from _changed("", _dumped(old, exclude={"name", "exits"}), _dumped(new, exclude={"name", "exits"}))


def _changed(path: str, old: Any, new: Any) -> Iterator[str]:
    """What differs between two plain values, each with its path in the document."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**new, **old}:
            inner = f"{path}.{key}" if path else str(key)
            if key not in old:
                yield f"{inner} added: {_shown(new[key])}"
            elif key not in new:
                yield f"{inner} removed: {_shown(old[key])}"
            else:
                yield from _changed(inner, old[key], new[key])
    elif isinstance(old, list) and isinstance(new, list):
        yield from _changed_items(path, old, new)
    elif old != new or type(old) is not type(new):
        yield f"{path} changed from {_shown(old)} to {_shown(new)}"


def _changed_items(path: str, old: list[Any], new: list[Any]) -> Iterator[str]:
    before, after = ([json.dumps(item, sort_keys=True) for item in items] for items in (old, new))
    for change, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if change == "equal":
            continue
        both = min(b - a, d - c)
        for step in range(both):
            yield from _changed(f"{path}[{c + step + 1}]", old[a + step], new[c + step])
        yield from (f"{path}[{index + 1}] removed: {_shown(old[index])}" for index in range(a + both, b))
        yield from (f"{path}[{index + 1}] added: {_shown(new[index])}" for index in range(c + both, d))


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
