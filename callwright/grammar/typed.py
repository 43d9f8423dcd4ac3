"""Input that somebody has written, as in a text message: it may be what one would press, or what one would say.

Each grammar in turn is asked for both. Keys may be written as people write them: `617-555-0123` are ten digits, `$1,200.50` is a
number, `11/24/2026`, `2026-11-24` and `3:05 pm` fit a date and a time of any layout. Words need no recogniser here, so they count
whether or not a module listens to speech.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from callwright.grammar.collector import KEYS_MAX, TERMINATOR
from callwright.grammar.grammars import Digits, Grammar, Moment, Number, meaning
from callwright.grammar.input import Match, NoMatch
from callwright.grammar.words import said, words_of

TEXT_MAX = 1_000
"Characters that are looked at: a longer text is no answer to a question."

_BETWEEN_DIGITS = re.compile(r"[\s().-]")
_AMOUNT = re.compile(r"[$€£]?\s*(\d{1,3}(?:,\d{3})+|\d*)(?:\.(\d+))?\s*[€£]?")
_ISO_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_CLOCK_12 = re.compile(r"(\d{1,2})(?::(\d\d))?\s*([ap])\.?m\.?$", re.IGNORECASE)
_BETWEEN_PARTS = re.compile(r"[\sT/:.-]")
_LAYOUTS = {"mmddyyyy": "{1}{2}{0}", "ddmmyyyy": "{2}{1}{0}", "yyyymmdd": "{0}{1}{2}"}


def typed(grammars: Sequence[Grammar], text: str, language: str, now: float) -> Match | NoMatch:
    """What a text means to the first grammar that accepts all of it."""
    text = " ".join(text.split())
    if len(text) <= TEXT_MAX:
        plain = _with_plain_digits(text)
        words = words_of(text)
        for grammar in grammars:
            value = _pressed(grammar, plain)
            if value is None:
                value = said(grammar, words, language)
            if value is not None:
                return Match(now, grammar.id, value, text, "text")
    return NoMatch(now, text, "text")


def _with_plain_digits(text: str) -> str:
    """Digits of every script as those of ASCII."""
    return "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in text)


def _pressed(grammar: Grammar, text: str) -> str | None:
    for keys in _as_keys(grammar, text):
        if keys and len(keys) <= KEYS_MAX and (value := meaning(grammar, keys)) is not None:
            return value
    return None


def _as_keys(grammar: Grammar, text: str) -> Iterator[str]:
    """The keys that the text may stand for."""
    yield text
    match grammar:
        case Digits():
            yield _BETWEEN_DIGITS.sub("", text)
        case Number():
            if found := _AMOUNT.fullmatch(text):
                yield found[1].replace(",", "") + (f"*{found[2]}" if found[2] else "")
        case Moment():
            yield from _as_moment(grammar, text)
    if text.endswith(TERMINATOR):
        yield text.removesuffix(TERMINATOR).rstrip()


def _as_moment(moment: Moment, text: str) -> Iterator[str]:
    if moment.date:
        text = _ISO_DAY.sub(lambda day: _LAYOUTS[moment.date].format(*day.groups()), text)
    if moment.time and (clock := _CLOCK_12.search(text)):
        hour, minute, half = int(clock[1]), clock[2] or "00", 2 if clock[3].lower() == "p" else 1
        keys = f"{hour:02}{minute}{half}"
        if moment.time == "24":
            keys = f"{hour % 12 + 12 * (half - 1):02}{minute}"
        text = text[: clock.start()] + keys
    yield _BETWEEN_PARTS.sub("", text)
