"""What input a `Collect` accepts, as data. A grammar says of a string of keys whether it can still
become a match, is one, or is one and can grow.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Digits:
    """A string of digits of bounded length."""

    id: str
    digits_min: int
    digits_max: int
    submit_on_max: bool = True
    "The longest input ends the collection at once, without the pause after the last key."

    type: Literal["digits"] = "digits"


@dataclass(frozen=True, slots=True)
class Choices:
    """A list of key strings, each with the value that it means."""

    id: str
    choices: tuple[tuple[str, str], ...]
    "(keys, value); keys are of `0-9*#`."

    type: Literal["choices"] = "choices"


@dataclass(frozen=True, slots=True)
class Number:
    """A whole or decimal number; the star is its point."""

    id: str
    decimals_min: int
    decimals_max: int
    currency: bool = False
    "What it means always has two places."

    type: Literal["number"] = "number"


Grammar = Digits | Choices | Number

CURRENCY_PLACES = 2
WHOLE_MAX = 15
"Digits before the point: as many as JavaScript's numbers hold exactly."

KEYS = frozenset("0123456789*#ABCD")
"What a telephone keypad can send (RFC 4733 §3.2)."


def meaning(grammar: Grammar, keys: str) -> str | None:
    """What these keys mean if they are all of the input; None where the grammar does not accept them."""
    match grammar:
        case Digits(digits_min=fewest, digits_max=most):
            return keys if fewest <= len(keys) <= most and keys.isdecimal() else None
        case Choices(choices=choices):
            return next((value for pressed, value in choices if pressed == keys), None)
        case Number():
            return _amount(grammar, keys)


def can_grow(grammar: Grammar, keys: str) -> bool:
    """Whether waiting for another key can still lead to a match, or to a longer one."""
    match grammar:
        case Digits(digits_max=most, submit_on_max=submit):
            return (not keys or keys.isdecimal()) and (len(keys) < most or (len(keys) == most and not submit))
        case Choices(choices=choices):
            return any(len(pressed) > len(keys) and pressed.startswith(keys) for pressed, _ in choices)
        case Number(decimals_max=most):
            whole, point, places = keys.partition("*")
            if point:
                return _is_number(whole, places) and len(places) < most
            return _is_number(whole, "") and (len(whole) < WHOLE_MAX or most > 0)


def uses(grammar: Grammar, key: str) -> bool:
    """Whether the key can be part of the input at all; `#` ends the input where no grammar uses it."""
    match grammar:
        case Digits():
            return key.isdecimal()
        case Choices(choices=choices):
            return any(key in pressed for pressed, _ in choices)
        case Number(decimals_max=most):
            return key.isdecimal() or (key == "*" and most > 0)


def _is_number(whole: str, places: str) -> bool:
    return (len(whole) <= WHOLE_MAX and (whole + places).isdecimal()) or not whole + places


def _amount(number: Number, keys: str) -> str | None:
    """`5*40` as `5.40`; leading zeros fall away."""
    whole, point, places = keys.partition("*")
    if not (whole or places) or not _is_number(whole, places):
        return None
    if (point and not places) or not number.decimals_min <= len(places) <= number.decimals_max:
        return None
    if number.currency:
        places = places.ljust(CURRENCY_PLACES, "0")
    whole = whole.lstrip("0") or "0"
    return f"{whole}.{places}" if places else whole
