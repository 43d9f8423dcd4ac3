"""YAML as authors mean it: the core schema of YAML 1.2, where `yes` and `no` are words, `12:30` and dates are text.

PyYAML follows YAML 1.1, in which a menu's `value: no` would be false, and `keys: 010` eight.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

import yaml

from callwright.base import json_text

# A number with zeros before it is text: it is the keys 01, or a telephone number.
_WHOLE = r"(?:0|[1-9][0-9]*)"
_SCALARS = (
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", "~nN\0"),
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("tag:yaml.org,2002:int", rf"[-+]?{_WHOLE}", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        rf"[-+]?(?:\.[0-9]+|{_WHOLE}\.[0-9]*|{_WHOLE}(?=[eE]))(?:[eE][-+]?[0-9]+)?",
        "-+.0123456789",
    ),
)
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_TEXT = "tag:yaml.org,2002:str"
_READ: tuple[Callable[[str], Any], ...] = (lambda _: None, lambda text: text.lower() == "true", int, float)
_PLAIN = [
    (frozenset(first), re.compile(pattern), read) for (_, pattern, first), read in zip(_SCALARS, _READ, strict=True)
]
"What a text without quotes may be: its first characters, its form, and how it is read."


def load(text: str) -> Any:
    """A document as plain values. Raises `ValueError`, also for what the two versions of YAML, or JSON, do not agree on:
    aliases, tags, keys that are no text or stand twice; and for deep nesting.
    """
    try:
        value = _read(yaml.parse(text, Loader=_LOADER))
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    json_text.check(value)
    return value


class _Open:
    """A mapping or a list whose end has not come yet."""

    __slots__ = ("add", "key", "values")

    def __init__(self, values: dict[str, Any] | list[Any]) -> None:
        self.values = values
        self.key: str | None = None
        self.add: Callable[[Any], None] = self._entry if isinstance(values, dict) else values.append

    def _entry(self, value: Any) -> None:
        assert isinstance(self.values, dict)
        if self.key is not None:
            self.values[self.key], self.key = value, None
        elif not isinstance(value, str):
            raise ValueError(f"the key {value!r} is not text: put it in quotes")
        elif value in self.values:
            raise ValueError(f"the key {value!r} stands twice in one mapping")
        else:
            self.key = value


def _read(events: Iterable[Any]) -> Any:
    """The value that the parser's events tell. PyYAML's own way, by a tree of nodes, takes five times as long."""
    documents: list[Any] = []
    nest = [_Open(documents)]
    for event in events:
        kind = type(event)
        try:
            if kind is yaml.ScalarEvent:
                nest[-1].add(_scalar(event))
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                opened = _Open({} if kind is yaml.MappingStartEvent else [])
                nest[-1].add(opened.values)
                nest.append(opened)
                if event.tag is not None:
                    raise ValueError(f"the tag {event.tag} cannot be used in a document")
                if len(nest) > json_text.DEPTH_MAX + 1:
                    raise ValueError(f"nested more than {json_text.DEPTH_MAX} deep")
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                nest.pop()
            elif kind is yaml.AliasEvent:
                # A small text could be a huge document.
                raise ValueError("aliases (*name) cannot be used in a document")
            elif kind is yaml.DocumentStartEvent and documents:
                raise ValueError("there is more than one document")
        except ValueError as error:
            raise ValueError(f"line {event.start_mark.line + 1}: {error}") from None
    return documents[0] if documents else None


def _scalar(event: Any) -> Any:
    text = event.value
    if event.tag is not None:
        if event.tag not in ("!", _TEXT):
            raise ValueError(f"the tag {event.tag} cannot be used in a document")
    elif event.implicit[0]:
        # Without quotes it may be something else than text.
        if not text:
            return None
        for first, pattern, read in _PLAIN:
            if text[0] in first and pattern.fullmatch(text):
                return read(text)
    return text


_BaseDumper: Any = yaml.SafeDumper


class _Dumper(_BaseDumper):  # type: ignore[misc]
    """Quotes what is a number, a truth value or a date in either version of YAML, so that every reader reads the same."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


# Some of these end a line for YAML and would be folded into a blank: in double quotes they are escaped.
_ESCAPED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")


def _text(dumper: Any, text: str) -> Any:
    style = '"' if _ESCAPED.search(text) else "|" if "\n" in text.strip("\n") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
for _tag, _pattern, _first in _SCALARS:
    _Dumper.add_implicit_resolver(_tag, re.compile(rf"^(?:{_pattern})$"), ["" if c == "\0" else c for c in _first])


def dump(value: Any) -> str:
    """Plain values as a document that `load` reads as exactly them. Texts of many lines stand as blocks."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text
