"""What input a `Collect` accepts, as data. A grammar says of a string of keys whether it can still
become a match, is one, or is one and can grow.
"""

from dataclasses import dataclass
from datetime import date, time
from functools import lru_cache
from typing import Literal

from callwright.grammar import srgs_xml, text_grammars
from callwright.grammar.rules import Matching, Rules, Token, walk


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

    said: tuple[tuple[str, str], ...] = ()
    "(words, value) for speech."

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


@dataclass(frozen=True, slots=True)
class Moment:
    """A date, a time of the day, or one after the other, in a fixed layout of digits."""

    id: str
    date: Literal["", "mmddyyyy", "ddmmyyyy", "yyyymmdd"]
    time: Literal["", "24", "12"] = ""
    "Four digits; in the clock of 12 hours 1 (before noon) or 2 (after noon) follows."

    type: Literal["moment"] = "moment"


@dataclass(frozen=True, slots=True)
class Custom:
    """A grammar of the author's own."""

    id: str
    format: Literal["srgs", "abnf", "jsgf"]
    source: str
    type: Literal["custom"] = "custom"

    @property
    def rules(self) -> Rules:
        """Raises `AuthorError`."""
        return _parsed(self.format, self.source)


Grammar = Digits | Choices | Number | Moment | Custom

SOURCE_MAX = 50_000
"Characters of a grammar."


@lru_cache(maxsize=1_000)
def _parsed(format: str, source: str) -> Rules:
    return {"srgs": srgs_xml.parse, "abnf": text_grammars.parse_abnf, "jsgf": text_grammars.parse_jsgf}[format](source)


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
        case Moment():
            return _moment(grammar, keys)
        case Custom():
            return None if grammar.rules.mode == "voice" else Matching(grammar.rules, keys).meaning()


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
        case Moment():
            return (not keys or keys.isdecimal()) and len(keys) < _moment_length(grammar)
        case Custom():
            matching = Matching(grammar.rules, keys)
            matching.meaning()
            return matching.wants_more


def uses(grammar: Grammar, key: str) -> bool:
    """Whether the key can be part of the input at all; `#` ends the input where no grammar uses it."""
    match grammar:
        case Digits():
            return key.isdecimal()
        case Choices(choices=choices):
            return any(key in pressed for pressed, _ in choices)
        case Number(decimals_max=most):
            return key.isdecimal() or (key == "*" and most > 0)
        case Moment():
            return key.isdecimal()
        case Custom():
            return key in tokens(grammar)


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


def tokens(grammar: Custom) -> frozenset[str]:
    """Every key and word of a grammar."""
    return _tokens(grammar.format, grammar.source)


@lru_cache(maxsize=1_000)
def _tokens(format: str, source: str) -> frozenset[str]:
    rules = _parsed(format, source).rules.values()
    return frozenset(node.text for rule in rules for node in walk(rule) if isinstance(node, Token))


def _moment_length(moment: Moment) -> int:
    return (8 if moment.date else 0) + {"": 0, "24": 4, "12": 5}[moment.time]


def _moment(moment: Moment, keys: str) -> str | None:
    """`2026-11-24`, `15:05`, or both with a T between; None for what the calendar or the clock has not."""
    if len(keys) != _moment_length(moment) or not keys.isdecimal():
        return None
    day, clock = (keys[:8], keys[8:]) if moment.date else ("", keys)
    try:
        return "T".join(part for part in (_day(moment.date, day), _clock(moment.time, clock)) if part)
    except ValueError:
        return None


def _day(layout: str, keys: str) -> str:
    if not layout:
        return ""
    at = {"mmddyyyy": (4, 0, 2), "ddmmyyyy": (4, 2, 0), "yyyymmdd": (0, 4, 6)}[layout]
    year, month, day = int(keys[at[0] : at[0] + 4]), int(keys[at[1] : at[1] + 2]), int(keys[at[2] : at[2] + 2])
    return date(year, month, day).isoformat()


def _clock(layout: str, keys: str) -> str:
    if not layout:
        return ""
    hour, minute = int(keys[:2]), int(keys[2:4])
    if layout == "12":
        if not 1 <= hour <= 12 or keys[4] not in "12":
            raise ValueError
        hour = hour % 12 + (12 if keys[4] == "2" else 0)
    return time(hour, minute).isoformat("minutes")
