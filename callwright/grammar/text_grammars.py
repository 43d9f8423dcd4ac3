"""Grammars as text: the ABNF form of SRGS 1.0 and JSGF 1.0 (https://www.w3.org/TR/jsgf/), which are much alike."""

import re
from collections.abc import Iterator
from typing import Literal

from callwright.base.errors import AuthorError
from callwright.grammar.rules import Node, OneOf, Ref, Repeat, Rules, Series, Tag
from callwright.grammar.srgs_xml import repeat_of, tokens_of

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_LEXEME = re.compile(
    r"""\s*(?:(?P<tag>\{!\{.*?\}!\}|\{(?:[^{}\\]|\\.)*\})|(?P<quoted>"[^"]*")|(?P<weight>/[\d.]+/)
    |(?P<times><\d+(?:-\d*)?>)|(?P<ref>\$\$?\w+|<[\w.$-]+>)|(?P<sign>[()\[\]|;=*+])|(?P<word>[^\s()\[\]|;=*+{}<>"]+))""",
    re.DOTALL | re.VERBOSE,
)

Language = Literal["abnf", "jsgf"]


def parse_abnf(source: str) -> Rules:
    """Raises `AuthorError`."""
    text = source.strip()
    if not text.startswith("#ABNF 1.0"):
        raise AuthorError("a grammar in ABNF begins with #ABNF 1.0")
    mode: Literal["dtmf", "voice"] = "voice"
    root = ""
    rules: dict[str, Node] = {}
    for statement in _statements(
        _COMMENT.sub(" ", text.partition(";")[2] if ";" in text.partition("\n")[0] else text[9:])
    ):
        words = statement.split()
        match words[0].lower():
            case "mode" if len(words) == 2 and words[1] in ("dtmf", "voice"):
                mode = "dtmf" if words[1] == "dtmf" else "voice"
            case "root" if len(words) == 2:
                root = words[1].lstrip("$")
            case "language" | "tag-format" | "base" | "lexicon" | "meta" | "http-equiv":
                pass
            case _:
                name, expansion = _rule(statement, r"(?:(?:public|private)\s+)?\$(\w+)\s*=")
                rules[name] = _Reading(expansion, mode, "abnf").node()
    return Rules(root or next(iter(rules), ""), rules, mode).check()


def parse_jsgf(source: str) -> Rules:
    """Raises `AuthorError`. The first public rule is where it begins."""
    text = source.strip()
    if not text.startswith("#JSGF"):
        raise AuthorError("a grammar in JSGF begins with #JSGF V1.0;")
    public = ""
    rules: dict[str, Node] = {}
    for statement in _statements(_COMMENT.sub(" ", text.partition(";")[2])):
        if statement.startswith("grammar"):
            continue
        if statement.startswith("import"):
            raise AuthorError("a grammar cannot import another one")
        is_public = statement.startswith("public")
        name, expansion = _rule(statement, r"(?:public\s+)?<([\w.$-]+)>\s*=")
        rules[name] = _Reading(expansion, None, "jsgf").node()
        public = public or (name if is_public else "")
    return Rules(public or next(iter(rules), ""), rules).check()


def _statements(text: str) -> Iterator[str]:
    """What ends with a semicolon outside tags and quotes."""
    depth, quoted, begun = 0, False, 0
    for at, character in enumerate(text):
        if character == '"' and not depth:
            quoted = not quoted
        elif character in "{}" and not quoted:
            depth += 1 if character == "{" else -1
        elif character == ";" and not quoted and not depth:
            if statement := text[begun:at].strip():
                yield statement
            begun = at + 1
    if text[begun:].strip():
        raise AuthorError(f"the grammar's last statement has no semicolon: {text[begun:].strip()[:40]!r}")


def _rule(statement: str, head: str) -> tuple[str, str]:
    found = re.match(head, statement)
    if found is None:
        raise AuthorError(f"this is no rule of the grammar: {statement[:60]!r}")
    return found[1], statement[found.end() :]


class _Reading:
    """One rule's expansion, read from left to right."""

    def __init__(self, text: str, mode: Literal["dtmf", "voice"] | None, language: Language) -> None:
        self._mode, self._language = mode, language
        self._lexemes = list(_lexemes(text))
        self._at = 0

    def node(self) -> Node:
        made = self._alternatives()
        if self._at < len(self._lexemes):
            raise AuthorError(f"the grammar has {self._lexemes[self._at][1]!r} where nothing of the kind can stand")
        return made

    def _next(self, *signs: str) -> bool:
        """Whether the next lexeme is one of these signs; it is passed then."""
        if self._at < len(self._lexemes) and self._lexemes[self._at] in [("sign", sign) for sign in signs]:
            self._at += 1
            return True
        return False

    def _alternatives(self) -> Node:
        items = [self._series()]
        while self._next("|"):
            items.append(self._series())
        return items[0] if len(items) == 1 else OneOf(tuple(items))

    def _series(self) -> Node:
        items: list[Node] = []
        while (item := self._item()) is not None:
            items += item
        return items[0] if len(items) == 1 else Series(tuple(items))

    def _item(self) -> list[Node] | None:
        if self._at == len(self._lexemes):
            return None
        kind, text = self._lexemes[self._at]
        if kind == "weight":
            self._at += 1
            return []
        if kind == "sign" and text in "|)]":
            return None
        if self._next("("):
            items = [self._alternatives()]
            self._close(")")
        elif self._next("["):
            items = [Repeat(self._alternatives(), 0, 1)]
            self._close("]")
        else:
            self._at += 1
            # Repeats of ABNF are written <0->: a star is a key there.
            items = self._plain("word" if self._language == "abnf" and text == "*" else kind, text)
        return self._times(items)

    def _close(self, sign: str) -> None:
        if not self._next(sign):
            raise AuthorError(f"the grammar has a bracket without its {sign}")

    def _plain(self, kind: str, text: str) -> list[Node]:
        match kind:
            case "tag":
                inner = text[3:-3] if text.startswith("{!{") else text[1:-1]
                return [Tag(re.sub(r"\\(.)", r"\1", inner).strip())]
            case "ref":
                return [_reference(text.strip("<>").lstrip("$"))]
            case "quoted":
                return tokens_of(text[1:-1], self._mode)
            case "word":
                return tokens_of(text, self._key_or_word(text))
        raise AuthorError(f"the grammar has {text!r} where nothing of the kind can stand")

    def _key_or_word(self, text: str) -> Literal["dtmf", "voice"] | None:
        """JSGF has no mode: `1` and `dtmf-1` are keys."""
        return "dtmf" if self._mode is None and re.fullmatch(r"(?:dtmf-)?[0-9*#]+", text.lower()) else self._mode

    def _times(self, items: list[Node]) -> list[Node]:
        """The repeat that stands behind an item."""
        if self._at == len(self._lexemes) or not items:
            return items
        kind, text = self._lexemes[self._at]
        if kind == "times":
            self._at += 1
            least, dash, most = text[1:-1].partition("-")
            limit = int(most) if most else None if dash else int(least)
            return [*items[:-1], repeat_of(items[-1], int(least), limit)]
        if self._language == "jsgf" and self._next("*"):
            return [*items[:-1], Repeat(items[-1], 0, None)]
        if self._language == "jsgf" and self._next("+"):
            return [*items[:-1], Repeat(items[-1], 1, None)]
        return items


def _reference(name: str) -> Node:
    match name:
        case "NULL":
            return Series()
        case "VOID":
            return OneOf()
        case "GARBAGE":
            raise AuthorError("the special rule GARBAGE is not supported")
    return Ref(name)


def _lexemes(text: str) -> Iterator[tuple[str, str]]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _LEXEME.match(text, at)
        if found is None:
            raise AuthorError(f"the grammar cannot be read from {text[at : at + 30].strip()!r} on")
        assert found.lastgroup is not None
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()
