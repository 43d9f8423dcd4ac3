"""JSON from outside, read strictly: what is taken here can be written as JSON again, and kept in a database."""

import json
import math
from typing import Any

from callwright.base.values import Value

DEPTH_MAX = 100
"Objects and lists in one another; what reads them by recursion, in any Python, goes as deep."


def loads(text: str | bytes) -> Value:
    """A JSON text as a value. Raises `ValueError` with what is wrong: also for NaN, a number too large, half a surrogate
    pair, U+0000, and nesting more than `DEPTH_MAX` deep, all of which Python's own reader takes or trips over."""
    try:
        value: Value = json.loads(text, parse_constant=_constant, parse_float=_float)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    check(value)
    return value


def check(value: Value) -> None:
    """Raises `ValueError` for a text or a number somewhere in the value that JSON or a database cannot hold, and for one that is
    nested more than `DEPTH_MAX` deep."""
    level: list[Any] = [value]
    depth = 0
    while level:
        below: list[Any] = []
        for held in level:
            if isinstance(held, str):
                _check_text(held)
            elif isinstance(held, float) and not math.isfinite(held):
                raise ValueError("a number in it is too large")
            elif isinstance(held, dict | list):
                if depth == DEPTH_MAX:
                    raise ValueError(_TOO_DEEP)
                below += held
                if isinstance(held, dict):
                    below += held.values()
        level, depth = below, depth + 1


_TOO_DEEP = f"it is nested more than {DEPTH_MAX} deep"


def _check_text(text: str) -> None:
    if text.isascii():
        if "\0" in text:
            raise ValueError("it holds the character U+0000")
        return
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("it holds U+0000 or half a surrogate pair, which is no character")


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text[:20]} is too large")
    return number
