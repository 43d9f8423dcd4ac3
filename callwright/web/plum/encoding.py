"""JSON or XML, by Accept (docs/compatibility/fuse-authentication.md). One mapping for every reply.

In XML an object is its keys as elements, a list is elements of one name, a boolean `true` or `false`, null empty.
Fuse's lists hold `<item>`; DEV's hold the singular of the list's own name. A list may be an async iterator: such a
reply is written while it is read, so that ten thousand calls with their logs take no more memory than a few.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from lxml import etree

from callwright.base.values import Value

Form = Literal["json", "xml"]
MEDIA_TYPE = {"json": "application/json", "xml": "application/xml"}
XML_DECLARATION = b'<?xml version="1.0"?>'

Body = Value | AsyncIterator[Value] | Mapping[str, "Body"]
"A reply: a value in which lists may still be to come."

PIECE_BYTES = 64 << 10
"Of a reply that is written while it is read: what a socket takes at once."

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9_.-]")


def form_of(accept: str) -> Form:
    """`application/xml` where it is asked for above `application/json`; else JSON, whatever was asked for."""
    best: Form = "json"
    best_quality = 0.0
    for item in accept.split(","):
        media_type, *parameters = (piece.strip().lower() for piece in item.split(";"))
        form: Form | None = {"application/json": "json", "application/xml": "xml"}.get(media_type)  # type: ignore[assignment]
        quality = _quality(parameters)
        if form is not None and quality > best_quality:
            best, best_quality = form, quality
    return best


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


def item(_: str) -> str:
    """The name of an element of a list, in Fuse."""
    return "item"


def singular(name: str) -> str:
    """The same in DEV: `<logs>` holds `<log>`."""
    return name.removesuffix("s")


@dataclass(frozen=True, slots=True)
class Manner:
    """What differs between families."""

    root: str = "result"
    "The outermost element."

    named: Callable[[str], str] = item
    "An element of a list, by the name of the list."

    escapes: bool = False
    "JSON as PHP writes it: slashes and all beyond ASCII escaped."

    def json(self, value: Value) -> bytes:
        text = json.dumps(value, ensure_ascii=self.escapes, separators=(",", ":"))
        return (text.replace("/", "\\/") if self.escapes else text).encode("utf-8", "replace")

    def xml(self, name: str, value: Value) -> bytes:
        """One element."""
        top = etree.Element(_element_name(name))
        _fill(top, value, self.named)
        return etree.tostring(top, encoding="UTF-8", xml_declaration=False)


FUSE = Manner()


def encode(body: Value, form: Form, manner: Manner = FUSE) -> bytes:
    return manner.json(body) if form == "json" else XML_DECLARATION + manner.xml(manner.root, body)


async def pieces(body: Body, form: Form, manner: Manner = FUSE) -> AsyncIterator[bytes]:
    """The same in pieces of `PIECE_BYTES`, or somewhat more. An exception of a list's iterator passes through."""
    whole = bytearray(XML_DECLARATION if form == "xml" else b"")
    written = _json(body, manner) if form == "json" else _xml(manner.root, body, manner)
    async for part in written:
        whole += part
        if len(whole) >= PIECE_BYTES:
            yield bytes(whole)
            whole.clear()
            # A client that reads quickly never makes us wait: let others have their turn.
            await asyncio.sleep(0)
    if whole:
        yield bytes(whole)


async def _json(body: Body, manner: Manner) -> AsyncIterator[bytes]:
    if isinstance(body, AsyncIterator):
        before = b"["
        async for one in body:
            yield before + manner.json(one)
            before = b","
        yield b"]" if before == b"," else b"[]"
    elif isinstance(body, Mapping) and _has_lists_to_come(body):
        before = b"{"
        for name, value in body.items():
            yield before + manner.json(name) + b":"
            async for part in _json(value, manner):
                yield part
            before = b","
        yield b"}"
    else:
        yield manner.json(body)  # type: ignore[arg-type]


async def _xml(name: str, body: Body, manner: Manner) -> AsyncIterator[bytes]:
    tag = _element_name(name).encode()
    if isinstance(body, AsyncIterator):
        yield b"<" + tag + b">"
        async for one in body:
            yield manner.xml(manner.named(name), one)
        yield b"</" + tag + b">"
    elif isinstance(body, Mapping) and _has_lists_to_come(body):
        yield b"<" + tag + b">"
        for key, value in body.items():
            async for part in _xml(key, value, manner):
                yield part
        yield b"</" + tag + b">"
    else:
        yield manner.xml(name, body)  # type: ignore[arg-type]


def _has_lists_to_come(body: Mapping[str, Body]) -> bool:
    return any(
        isinstance(value, AsyncIterator) or (isinstance(value, Mapping) and _has_lists_to_come(value))
        for value in body.values()
    )


def _fill(element: etree._Element, value: Value, named: Callable[[str], str]) -> None:
    if isinstance(value, dict):
        for name, one in value.items():
            _fill(etree.SubElement(element, _element_name(name)), one, named)
    elif isinstance(value, list):
        for one in value:
            _fill(etree.SubElement(element, named(str(element.tag))), one, named)
    elif isinstance(value, bool):
        element.text = "true" if value else "false"
    elif value is not None:
        element.text = xml_text(value)


def xml_text(value: Value) -> str:
    """A value as the text of an element or an attribute, without what XML cannot hold (XML 1.0 §2.2)."""
    return _NOT_XML.sub("\ufffd", str(value))


def _element_name(name: str) -> str:
    """A key as an element's name; data may hold keys that are none."""
    cleaned = _NOT_A_NAME.sub("_", name) or "_"
    return cleaned if cleaned[0].isalpha() or cleaned[0] == "_" else f"_{cleaned}"
