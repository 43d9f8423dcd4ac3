"""Times as people write them (docs/compatibility/dev-queue-call.md): `now`, `oct 14th, 2011 11:05PM EST`, `+3 days`.

What is counted from now (`+1 week 2 days`) is worked out here; dates and clocks are read by `dateparser`, which is
loaded when the first is asked for: it takes a second and 20 MB. It also guesses, so what it is asked is narrowed:

- English alone, and only texts with a day or a clock in them (left to itself it takes `a` for a date);
- `10/11/2026` has its month first, as in North America; `10.11.2026` and `10-11-2026` have it second, as in PHP; a month
  above 12 is refused and not swapped with the day;
- a clock or a weekday alone is the next one to come, but a whole date that has passed stays in the past;
- `EST` is five hours behind UTC in summer too, because it says so; without a zone the hour is that of `zone`, the first
  of two where a clock goes back, and the one after the gap where it goes forward.
"""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

TEXT_MAX = 128
YEAR_MAX = 9999
COUNT_DIGITS_MAX = 6

_UNITS: dict[str, tuple[Literal["s", "d", "m"], int]] = {
    "second": ("s", 1),
    "sec": ("s", 1),
    "minute": ("s", 60),
    "min": ("s", 60),
    "hour": ("s", 3600),
    "hr": ("s", 3600),
    "day": ("d", 1),
    "week": ("d", 7),
    "fortnight": ("d", 14),
    "month": ("m", 1),
    "year": ("m", 12),
}
"Seconds pass whatever clocks do; days and months are those of the calendar."

_TERM = rf"(?:[+-]\s*)?\d{{1,{COUNT_DIGITS_MAX}}}\s*(?:{'|'.join(_UNITS)})s?\b"
_TERMS = rf"(?:in\s+)?{_TERM}(?:\s*(?:,|and)?\s*{_TERM})*(?:\s+ago)?"
_ALONE = re.compile(rf"(?:now\s*)?(?P<terms>{_TERMS})")
_HOUR = r"\d{1,2}(?::\d\d){0,2}\s*(?:[ap]\.?m\.?)?|noon|midnight"
_BEFORE_A_CLOCK = re.compile(rf"(?P<terms>{_TERMS})\s+(?:at\s+)?(?P<rest>{_HOUR})")
_AFTER_A_DATE = re.compile(rf"(?P<rest>.*\S)\s+(?P<terms>\+\s*{_TERM}(?:\s*(?:,|and)?\s*{_TERM})*)")
_ONE_TERM = re.compile(rf"([+-]?)\s*(\d{{1,{COUNT_DIGITS_MAX}}})\s*({'|'.join(_UNITS)})s?\b")

_CLOCK = re.compile(r"\b\d{1,2}:\d\d|\b\d{1,2}\s*[ap]\.?m\b|\bnoon\b|\bmidnight\b")
_WEEKDAY = re.compile(r"\b(?:mon|tue|wed|thu|fri|sat|sun)(?:s|nes|rs|ur)?(?:day)?\b")
_NAMED_DAY = re.compile(r"\b(?:today|tomorrow|yesterday|next|last)\b")
_DATE = re.compile(
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)|\d[/.-]\d|\b(?:today|tomorrow|yesterday|last)\b"
)
_MONTH_FIRST = re.compile(r"(?<![\d/])(\d{1,2})/\d{1,2}\b")
_YEAR_FIRST = re.compile(r"\b\d{4}[./-](\d{1,2})\b")
_MONTH_SECOND = re.compile(r"\d{1,2}([.-])(\d{1,2})\1\d{4}\b")

_reading = ThreadPoolExecutor(1, thread_name_prefix="dateparser")
"Some 30 ms for a date, not in the event loop; one at a time, for the library keeps state. The web process bounds who waits."


async def read(text: str, now: float, zone: ZoneInfo) -> float | None:
    """UNIX seconds; None where the text is no time. `now` is what relative ones count from."""
    return await asyncio.get_running_loop().run_in_executor(_reading, parse, text, now, zone)


def parse(text: str, now: float, zone: ZoneInfo) -> float | None:
    """`read`, where nobody waits."""
    text = " ".join(text.lower().split())
    if not text or len(text) > TEXT_MAX or not (text.isascii() and text.isprintable()):
        return None
    try:
        found = _moment(text, datetime.fromtimestamp(now, zone))
        return None if found is None or not 1970 <= found.year <= YEAR_MAX else max(found.timestamp(), 0.0)
    except (OverflowError, ValueError, RecursionError):
        return None


def _moment(text: str, now: datetime) -> datetime | None:
    if text == "now":
        return now
    if re.fullmatch(r"@\d{1,12}", text):
        return datetime.fromtimestamp(int(text[1:]), now.tzinfo)
    if found := _ALONE.fullmatch(text):
        return _add(now, found["terms"])
    if found := _BEFORE_A_CLOCK.fullmatch(text):
        day = _add(now, found["terms"]).replace(hour=0, minute=0, second=0, microsecond=0)
        clock = _absolute(found["rest"], day, later=False)
        return None if clock is None else day.replace(hour=clock.hour, minute=clock.minute, second=clock.second)
    if found := _AFTER_A_DATE.fullmatch(text):
        start = _moment(found["rest"], now)
        return None if start is None else _add(start, found["terms"])
    return _absolute(text, now, later=True)


def _add(start: datetime, terms: str) -> datetime:
    """Each term has its own sign; one without is after, as in PHP."""
    back = -1 if terms.endswith(" ago") else 1
    for sign, count, unit in _ONE_TERM.findall(terms):
        kind, size = _UNITS[unit]
        n = int(count) * size * back * (-1 if sign == "-" else 1)
        match kind:
            case "s":
                start = (start.astimezone(UTC) + timedelta(seconds=n)).astimezone(start.tzinfo)
            case "d":
                start += timedelta(days=n)
            case "m":
                months = start.year * 12 + start.month - 1 + n
                # The 31st of a month that has none runs over into the next one, as in PHP.
                days = timedelta(days=start.day - 1)
                start = start.replace(year=months // 12, month=months % 12 + 1, day=1) + days
    return start


def _absolute(text: str, now: datetime, *, later: bool) -> datetime | None:
    clock, weekday = bool(_CLOCK.search(text)), bool(_WEEKDAY.search(text))
    if not (clock or weekday or _NAMED_DAY.search(text) or _DATE.search(text)):
        return None
    month_second = _MONTH_SECOND.search(text)
    months = [month_second[2]] if month_second else [*_MONTH_FIRST.findall(text), *_YEAR_FIRST.findall(text)]
    if not all(1 <= int(month) <= 12 for month in months):
        return None
    settings: dict[str, Any] = {
        "RELATIVE_BASE": now.replace(tzinfo=None),
        "PREFER_DATES_FROM": "future" if later else "current_period",
        "DATE_ORDER": "DMY" if month_second else "MDY",
        "REQUIRE_PARTS": [] if clock or weekday or _NAMED_DAY.search(text) else ["day", "month"],
        "PARSERS": ["relative-time", "absolute-time"],
    }
    found: datetime | None = _dateparser().parse(text, languages=["en"], settings=settings)
    if found is None:
        return None
    if found.tzinfo is None:
        return found.replace(tzinfo=now.tzinfo)
    if later and found < now and not _DATE.search(text):
        # With a zone the library does not look for the next one.
        found += timedelta(days=7 if weekday else 1)
    return found


@cache
def _dateparser() -> Any:
    import dateparser

    return dateparser
