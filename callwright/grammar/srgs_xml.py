"""Grammars in the XML form of SRGS 1.0 (https://www.w3.org/TR/speech-grammar/)."""

import re
from typing import Any, Literal

from lxml import etree

from callwright.base.errors import AuthorError
from callwright.grammar.rules import Node, OneOf, Ref, Repeat, Rules, Series, Tag, Token

_REPEAT = re.compile(r"(\d+)(?:(-)(\d*))?")
_QUOTED = re.compile(r'"([^"]*)"|(\S+)')


def parse(source: str) -> Rules:
    """Raises `AuthorError`."""
    if "<!DOCTYPE" in source or "<!ENTITY" in source:
        raise AuthorError("the grammar must not have a document type declaration")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(source.strip().encode(), parser)
    except etree.XMLSyntaxError as error:
        raise AuthorError(f"the grammar is not XML: {error}") from None
    if _name(root) != "grammar":
        raise AuthorError(f"a grammar's root is grammar, not {_name(root)}")
    given = root.get("mode", "voice")
    if given not in ("dtmf", "voice"):
        raise AuthorError(f"a grammar's mode is dtmf or voice, not {given}")
    mode: Literal["dtmf", "voice"] = "dtmf" if given == "dtmf" else "voice"
    rules = {}
    for element in root:
        if _name(element) == "rule":
            name = element.get("id")
            if not name or name in rules:
                raise AuthorError("each rule has an id of its own" if not name else f"there are two rules {name!r}")
            rules[name] = _series(element, mode)
    first = root.get("root") or next(iter(rules), "")
    return Rules(first, rules, mode).check()


def _series(element: Any, mode: Literal["dtmf", "voice"]) -> Node:
    """What stands in an element, one after the other."""
    items: list[Node] = [*_tokens(element.text, mode)]
    for child in element:
        items += _child(child, mode)
        items += _tokens(child.tail, mode)
    return items[0] if len(items) == 1 else Series(tuple(items))


def _child(element: Any, mode: Literal["dtmf", "voice"]) -> list[Node]:
    match _name(element):
        case "item":
            return [_repeated(element.get("repeat"), _series(element, mode))]
        case "one-of":
            return [OneOf(tuple(_child(item, mode)[0] for item in element if _name(item) == "item"))]
        case "ruleref":
            return [_ref(element)]
        case "token":
            return [*_tokens(f'"{(element.text or "").strip()}"', mode)]
        case "tag":
            return [Tag((element.text or "").strip())]
        case "example" | "meta" | "metadata" | "lexicon":
            return []
        case other:
            raise AuthorError(f"<{other}> cannot stand in a rule")


def _ref(element: Any) -> Node:
    special, uri = element.get("special"), element.get("uri", "")
    if special == "NULL":
        return Series()
    if special == "VOID":
        return OneOf()
    if special:
        raise AuthorError(f"the special rule {special} is not supported")
    if not uri.startswith("#"):
        raise AuthorError(f"a ruleref is to a rule of the same grammar, such as #digit, not {uri!r}")
    return Ref(uri[1:])


def _repeated(repeat: str | None, item: Node) -> Node:
    if repeat is None:
        return item
    found = _REPEAT.fullmatch(repeat.strip())
    if found is None:
        raise AuthorError(f"repeat is a number such as 4, 0-1 or 2-, not {repeat!r}")
    least = int(found[1])
    most = least if found[2] is None else int(found[3]) if found[3] else None
    return repeat_of(item, least, most)


def repeat_of(item: Node, least: int, most: int | None) -> Node:
    """Raises `AuthorError` for counts that are none."""
    if least > 200 or (most is not None and not least <= most <= 200):
        raise AuthorError("repeats are from 0 to 200, the smaller number first")
    return Repeat(item, least, most)


def _tokens(text: str | None, mode: Literal["dtmf", "voice"] | None) -> list[Node]:
    tokens: list[Node] = []
    for found in _QUOTED.finditer(text or ""):
        tokens += tokens_of(found[1] if found[1] is not None else found[2], mode)
    return tokens


def tokens_of(text: str, mode: Literal["dtmf", "voice"] | None) -> list[Node]:
    """Keys one by one, words in lower case."""
    if mode == "dtmf":
        return [Token(key) for key in text.lower().removeprefix("dtmf-").upper() if not key.isspace()]
    return [Token(word) for word in text.lower().split()]


def _name(element: Any) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""
