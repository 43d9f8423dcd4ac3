"""How values are said: `{{ when | date }}`. One file a language, each with the same names; what no file has is said in English.

Each answers with text for the synthesizer, and raises `ValueError` for a value that is not of the type.
"""

import re
from collections.abc import Callable
from datetime import date, time
from decimal import Decimal, InvalidOperation
from types import ModuleType

from callwright.flow.say_as import de, en, es, fr

TABLES: dict[str, ModuleType] = {"en": en, "es": es, "fr": fr, "de": de}

_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:[T ].*)?")
_TIME = re.compile(r"(\d{1,2}):?(\d{2})(?::?\d{2}(?:\.\d+)?)?\s*([ap]?)\.?(?:m\.?)?", re.IGNORECASE)


def say(kind: str, argument: str, text: str, language: str) -> str:
    """`text` as a value of that kind is said. Raises `ValueError` with what is wrong."""
    table = TABLES.get(language[:2], en)
    text = text.strip()
    return _KINDS[kind](text, argument, table) if text else ""


def _acronym(text: str, _: str, __: ModuleType) -> str:
    return ", ".join(character.upper() for character in text if character.isalnum())


def _digits(text: str, _: str, table: ModuleType) -> str:
    return " ".join(table.SIGNS.get(character, character) for character in text if not character.isspace())


def _phone(text: str, _: str, __: ModuleType) -> str:
    digits = re.sub(r"\D", "", text)
    if not digits:
        raise ValueError("is no telephone number")
    groups = _north_american(digits) if len(digits) in (10, 11) and not text.startswith("+4") else _threes(digits)
    return ", ".join(" ".join(group) for group in groups)


def _north_american(digits: str) -> list[str]:
    last = digits[-10:]
    return [*([digits[:-10]] if len(digits) > 10 else []), last[:3], last[3:6], last[6:]]


def _threes(digits: str) -> list[str]:
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-2:] = [groups[-2] + groups[-1]]
    return groups


def _number(text: str, _: str, table: ModuleType) -> str:
    amount = _decimal(text)
    return f"{amount:f}".replace(".", str(table.DECIMAL_POINT))


def _currency(text: str, argument: str, table: ModuleType) -> str:
    amount = _decimal(re.sub(r"[$€£¥\s]", "", text)).quantize(Decimal("0.01"))
    code = (argument or table.CURRENCY).upper()
    names = table.CURRENCIES.get(code)
    whole, parts = divmod(int(abs(amount) * 100), 100)
    if names is None:
        said = f"{whole}{table.DECIMAL_POINT}{parts:02} {' '.join(code)}" if parts else f"{whole} {' '.join(code)}"
    else:
        one, many, part, parts_name = names
        pieces = [f"{whole} {one if whole == 1 else many}"] if whole or not parts else []
        pieces += [f"{parts} {part if parts == 1 else parts_name}"] if parts else []
        said = f" {table.AND} ".join(pieces)
    return f"{table.MINUS} {said}" if amount < 0 else said


def _date(text: str, _: str, table: ModuleType) -> str:
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError("is no date such as 2026-11-24")
    try:
        day = date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        raise ValueError("is no date of the calendar") from None
    return str(table.date(day))


def _time(text: str, _: str, table: ModuleType) -> str:
    found = _TIME.fullmatch(text.rpartition("T")[2] if "T" in text.upper()[8:] else text)
    if found is None:
        raise ValueError("is no time such as 15:05")
    hour, half = int(found[1]), found[3].lower()
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    try:
        return str(table.time(time(hour, int(found[2]))))
    except ValueError:
        raise ValueError("is no time of the day") from None


def _address(text: str, _: str, table: ModuleType) -> str:
    """Abbreviations in full; house numbers and codes of more than four digits digit by digit."""
    words = []
    for word in text.split():
        bare = word.rstrip(".,")
        full = table.ADDRESS.get(bare.lower(), bare)
        if full.isdecimal() and len(full) > 4:
            full = " ".join(full)
        words.append(full + ("," if word.endswith(",") else ""))
    return " ".join(words)


def _decimal(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError("is no number") from None
    if not amount.is_finite() or abs(amount) >= 10**15:
        raise ValueError("is no number that can be said")
    return amount


_KINDS: dict[str, Callable[[str, str, ModuleType], str]] = {
    "acronym": _acronym,
    "address": _address,
    "currency": _currency,
    "date": _date,
    "digits": _digits,
    "number": _number,
    "phone": _phone,
    "time": _time,
}
KINDS = tuple(_KINDS)
