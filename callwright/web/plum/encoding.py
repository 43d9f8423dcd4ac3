"""JSON or XML, by Accept (docs/compatibility/fuse-authentication.md). One mapping for every reply.

In XML an object is its keys as elements, a list is elements of one name, a boolean `true` or `false`, null empty.
Fuse's lists hold `<item>`; DEV's hold the singular of the list's own name.
"""

import json
import re
from collections.abc import Callable
from typing import Literal

from lxml import etree

from callwright.base.values import Value

Form = Literal["json", "xml"]
MEDIA_TYPE = {"json": "application/json", "xml": "application/xml"}

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


def encode(body: Value, form: Form, *, root: str = "result", named: Callable[[str], str] = item) -> bytes:
    """`root` names the outermost element, `named` the elements of a list by the name of the list."""
    if form == "json":
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    top = etree.Element(_element_name(root))
    _fill(top, body, named)
    return b'<?xml version="1.0"?>' + etree.tostring(top, encoding="UTF-8", xml_declaration=False)


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
        element.text = _NOT_XML.sub("\ufffd", str(value))


def _element_name(name: str) -> str:
    """A key as an element's name; data may hold keys that are none."""
    cleaned = _NOT_A_NAME.sub("_", name) or "_"
    return cleaned if cleaned[0].isalpha() or cleaned[0] == "_" else f"_{cleaned}"
