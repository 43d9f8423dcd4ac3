"""Grammars of authors as a tree of rules, whatever they were written in, and what an input means by them. Pure.

The meaning of a rule is what its tags say: a text by itself, or statements of the semantic interpretation of SRGS
(SISR 1.0): `out = "yes"`, `out += rules.digit`, `out.day = rules.latest()`. Of a rule without tags it is the meaning of
the last rule in it, or the words themselves. What else ECMAScript can do in a tag is not done here.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Union

from callwright.base.errors import AuthorError

STEPS_MAX = 20_000
"Of matching one input."

DEPTH_MAX = 60
RULES_MAX = 1_000
_KEYS = frozenset("0123456789*#")


@dataclass(frozen=True, slots=True)
class Token:
    """A key or a word."""

    text: str


@dataclass(frozen=True, slots=True)
class Series:
    """One after the other. Without any it is the empty input."""

    items: tuple["Node", ...] = ()


@dataclass(frozen=True, slots=True)
class OneOf:
    """Any of them; of none it is what never matches."""

    items: tuple["Node", ...] = ()


@dataclass(frozen=True, slots=True)
class Repeat:
    item: "Node"
    least: int
    most: int | None
    "None: as often as one likes."


@dataclass(frozen=True, slots=True)
class Ref:
    """Another rule of the grammar."""

    rule: str


@dataclass(frozen=True, slots=True)
class Tag:
    text: str


Node = Union[Token, Series, OneOf, Repeat, Ref, Tag]  # noqa: UP007 - the names are strings


@dataclass(frozen=True, slots=True)
class Rules:
    """A grammar that was read. `mode` is None where it does not say (JSGF): keys and words alike."""

    root: str
    rules: Mapping[str, Node]
    mode: Literal["dtmf", "voice"] | None = None

    def check(self) -> "Rules":
        """Itself. Raises `AuthorError` for a rule that is not there."""
        if self.root not in self.rules:
            raise AuthorError(f"the grammar has no rule {self.root!r} to begin with")
        if len(self.rules) > RULES_MAX:
            raise AuthorError(f"a grammar has at most {RULES_MAX} rules")
        for name, node in self.rules.items():
            for found in walk(node):
                if isinstance(found, Ref) and found.rule not in self.rules:
                    raise AuthorError(f"rule {name!r} refers to a rule {found.rule!r}, which the grammar has not")
        return self


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    for item in (node.item,) if isinstance(node, Repeat) else getattr(node, "items", ()):
        yield from walk(item)


@dataclass(frozen=True, slots=True)
class _Said:
    """What a rule has matched: its words, and its meaning where its tags gave it one."""

    name: str
    words: tuple[str, ...]
    meaning: object = None


_Piece = str | Tag | _Said


class Matching:
    """One input against a grammar. Raises `AuthorError` where the grammar leads to too much work."""

    def __init__(self, rules: Rules, tokens: Sequence[str]) -> None:
        self._rules = rules
        self._tokens = tokens
        self._steps = 0
        self.wants_more = False
        "Another token could go on with it. Only known after `meaning`."

    def meaning(self) -> str | None:
        """What the whole input means; None where the grammar does not accept it."""
        first: _Said | None = None
        for at, said in self._rule(self._rules.root, 0, 0):
            if at == len(self._tokens) and first is None:
                first = said
        if first is None:
            return None
        if isinstance(first.meaning, str):
            return first.meaning
        if first.meaning is not None:
            return json.dumps(first.meaning, ensure_ascii=False)
        keys = self._rules.mode == "dtmf" or (self._rules.mode is None and all(word in _KEYS for word in first.words))
        return ("" if keys else " ").join(first.words)

    def _rule(self, name: str, at: int, depth: int) -> Iterator[tuple[int, _Said]]:
        if depth > DEPTH_MAX:
            raise AuthorError(f"the grammar's rule {name!r} leads into itself without end")
        for end, pieces in self._ends(self._rules.rules[name], at, depth):
            words = tuple(self._tokens[at:end])
            yield end, _Said(name, words, _meaning(pieces))

    def _ends(self, node: Node, at: int, depth: int) -> Iterator[tuple[int, tuple[_Piece, ...]]]:
        self._steps += 1
        if self._steps > STEPS_MAX:
            raise AuthorError("the grammar has too many ways to take this input")
        match node:
            case Token(text=text):
                if at == len(self._tokens):
                    self.wants_more = True
                elif self._tokens[at] == text:
                    yield at + 1, (text,)
            case Tag():
                yield at, (node,)
            case Ref(rule=rule):
                for end, said in self._rule(rule, at, depth + 1):
                    yield end, (said,)
            case OneOf(items=items):
                for item in items:
                    yield from self._ends(item, at, depth)
            case Series(items=items):
                yield from self._series(items, at, depth)
            case Repeat():
                yield from self._repeat(node, at, depth, 0)

    def _series(self, items: tuple[Node, ...], at: int, depth: int) -> Iterator[tuple[int, tuple[_Piece, ...]]]:
        if not items:
            yield at, ()
            return
        for middle, before in self._ends(items[0], at, depth):
            for end, after in self._series(items[1:], middle, depth):
                yield end, before + after

    def _repeat(self, node: Repeat, at: int, depth: int, count: int) -> Iterator[tuple[int, tuple[_Piece, ...]]]:
        if node.most is None or count < node.most:
            for middle, before in self._ends(node.item, at, depth):
                # What takes nothing would go on for ever.
                if middle > at:
                    for end, after in self._repeat(node, middle, depth, count + 1):
                        yield end, before + after
                elif count < node.least:
                    yield middle, before
        if count >= node.least:
            yield at, ()


_STATEMENT = re.compile(r"(?:out|\$)(?:\.(\w+))?\s*(\+?=)\s*(.+)", re.DOTALL)
_TERM = re.compile(
    r"""\s*(?:"([^"]*)"|'([^']*)'|(-?\d+(?:\.\d+)?)|rules\.latest\(\)|rules\.(\w+)(?:\.out)?|\$(\w+)(?:\.\$value)?)\s*"""
)


def _meaning(pieces: Sequence[_Piece]) -> object:
    """What the tags of one rule make of what it matched; None without tags and without rules that have a meaning."""
    out: object = None
    latest: object = None
    rules: dict[str, object] = {}
    for piece in pieces:
        if isinstance(piece, _Said):
            latest = piece.meaning if piece.meaning is not None else " ".join(piece.words)
            rules[piece.name] = latest
        elif isinstance(piece, Tag):
            out = _execute(piece.text, out, latest, rules)
    if out is None and not any(isinstance(piece, Tag) for piece in pieces):
        return next((piece.meaning for piece in reversed(pieces) if isinstance(piece, _Said)), None)
    return out


def _execute(text: str, out: object, latest: object, rules: Mapping[str, object]) -> object:
    """A tag: statements, or a text that is the meaning by itself."""
    statements = [statement for one in text.split(";") if (statement := one.strip())]
    for statement in statements:
        found = _STATEMENT.fullmatch(statement)
        value = _value(found[3], latest, rules) if found else None
        if found is None or value is None:
            return text.strip()
        if found[1]:
            holder = dict(out) if isinstance(out, dict) else {}
            holder[found[1]] = _added(holder.get(found[1]), value) if found[2] == "+=" else value
            out = holder
        else:
            out = _added(out, value) if found[2] == "+=" else value
    return out


def _value(expression: str, latest: object, rules: Mapping[str, object]) -> object:
    """Literals and the meanings of rules, joined by `+`; None for anything else."""
    made: object = None
    at = 0
    while True:
        term = _TERM.match(expression, at)
        if term is None:
            return None
        text, quoted, number, rule, dollar = term.groups()
        value: object = latest
        if text is not None or quoted is not None or number is not None:
            value = text if text is not None else quoted if quoted is not None else number
        elif rule or dollar:
            value = rules.get(rule or dollar, "")
        made = value if made is None else _added(made, value)
        at = term.end()
        if at == len(expression):
            return made
        if expression[at] != "+":
            return None
        at += 1


def _added(one: object, other: object) -> str:
    return f"{'' if one is None else one}{'' if other is None else other}"
