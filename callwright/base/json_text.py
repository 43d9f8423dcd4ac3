"""JSON from outside, read strictly: what is taken here can be written as JSON again, and kept in a database."""

import json
import math
from typing import Any

from callwright.base.values import Value


def loads(text: str | bytes) -> Value:
    """A JSON text as a value. Raises `ValueError` with what is wrong: also for NaN, a number too large, half a surrogate
    pair, U+0000, and nesting too deep for the reader, all of which Python's own reader takes or trips over."""
    try:
        value: Value = json.loads(text, parse_constant=_constant, parse_float=_float)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    check(value)
    return value


def check(value: Value) -> None:
    """Raises `ValueError` for a text or a number somewhere in the value that JSON or a database cannot hold."""
    waiting: list[Any] = [value]
    while waiting:
        held = waiting.pop()
        if isinstance(held, str):
            _check_text(held)
        elif isinstance(held, float) and not math.isfinite(held):
            raise ValueError("a number in it is too large")
        elif isinstance(held, dict):
            waiting += held.keys()
            waiting += held.values()
        elif isinstance(held, list):
            waiting += held


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
