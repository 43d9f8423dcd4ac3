"""YAML as authors mean it: the core schema of YAML 1.2, where `yes` and `no` are words, `12:30` and dates are text.

PyYAML follows YAML 1.1, in which a menu's `value: no` would be false, and `keys: 010` eight.
"""

import re
from typing import Any

import yaml

from callwright.base import json_text

DEPTH_MAX = 100

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
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own form


for _tag, _pattern, _first in _SCALARS:
    # An empty scalar is looked up under "", and PyYAML wants its first letters as a list.
    _Loader.add_implicit_resolver(_tag, re.compile(rf"^(?:{_pattern})$"), ["" if c == "\0" else c for c in _first])


def load(text: str) -> Any:
    """A document as plain values. Raises `ValueError`, also for aliases, deep nesting, and keys that are no text."""
    try:
        _check_events(text)
        value = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    _check_keys(value)
    json_text.check(value)
    return value


def _check_events(text: str) -> None:
    """Aliases (`*name`) would make a small text a huge document; deep nesting would overrun the stack of the C parser."""
    depth = 0
    for event in yaml.parse(text, Loader=_Base):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError(f"{_place(event)}: aliases (*name) cannot be used in a document")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH_MAX:
            raise ValueError(f"{_place(event)}: nested more than {DEPTH_MAX} deep")


def _place(event: yaml.Event) -> str:
    mark: Any = event.start_mark
    return f"line {mark.line + 1}"


def _check_keys(value: Any) -> None:
    waiting = [value]
    while waiting:
        holder = waiting.pop()
        if isinstance(holder, dict):
            for key in holder:
                if not isinstance(key, str):
                    raise ValueError(f"the key {key!r} is not text: put it in quotes")
            waiting += holder.values()
        elif isinstance(holder, list):
            waiting += holder


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
