"""A web service's answer as a value: JSON, CSV, XML or text. Each raises `ValueError` with what is wrong."""

import csv
import io
from collections.abc import Callable
from typing import Any

from lxml import etree

from callwright.base import json_text
from callwright.base.values import Value

DEPTH_MAX = 60
ROWS_MAX = 10_000


def _csv(text: str) -> Value:
    """The first row names the columns; each other row is an object."""
    rows: list[Value] = []
    try:
        for row in csv.DictReader(io.StringIO(text), restval=""):
            if len(rows) == ROWS_MAX:
                raise ValueError(f"it has more than {ROWS_MAX} rows")
            named: dict[str, Value] = {str(name): str(cell) for name, cell in row.items() if name is not None}
            rows.append(named)
    except csv.Error as error:
        raise ValueError(str(error)) from None
    return rows


def _xml(text: str) -> Value:
    """The root's children as an object: repeated elements become lists, attributes are named `@name`."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(str(error)) from None
    if "<!DOCTYPE" in text:
        raise ValueError("a document type declaration is not accepted")
    return _element(root, 0)


def _element(element: Any, depth: int) -> Value:
    if depth > DEPTH_MAX:
        raise ValueError("it is nested too deeply")
    made: dict[str, Value] = {f"@{etree.QName(name).localname}": str(value) for name, value in element.attrib.items()}
    for child in element.iterchildren(tag=etree.Element):
        name, value = etree.QName(child).localname, _element(child, depth + 1)
        if name not in made:
            made[name] = value
            continue
        before = made[name]
        if isinstance(before, list):
            before.append(value)
        else:
            made[name] = [before, value]
    text = (element.text or "").strip()
    if not made:
        return text
    if text:
        made["#text"] = text
    return made


PARSERS: dict[str, Callable[[str], Value]] = {
    "JSON": json_text.loads,
    "CSV": _csv,
    "XML": _xml,
    "TEXT": lambda text: text,
    "EMPTY": lambda _: None,
}
