"""How many messages a text is: it is split where a phone's screen would not show it (3GPP TS 23.040 §9.2.3.24.1).

By default each part is a message of its own, 160 septets of GSM-7 or 70 units of UCS-2. A number may instead send
*concatenated* parts, which a phone joins again: each gives 7 septets, or 3 units, to a header. Neither an escape of GSM-7
and what it escapes, nor the two halves of a surrogate pair, are ever parted.
"""

from dataclasses import dataclass
from typing import Literal

from callwright.base.errors import AuthorError
from callwright.sms.alphabet import CODES, is_gsm7

Encoding = Literal["gsm7", "ucs2"]

UNITS = {"gsm7": 160, "ucs2": 70}
"Of a message of its own: septets, or UTF-16 code units."

UNITS_CONCATENATED = {"gsm7": 153, "ucs2": 67}
"Of one that has others beside it."

PARTS_MAX = 20
"Of one text: 3,200 characters. A header could number 255, which no carrier takes."


@dataclass(frozen=True, slots=True)
class Segments:
    """A text as messages."""

    encoding: Encoding
    parts: tuple[str, ...]
    "In order; joined they are the text. At least one, which is empty for an empty text."

    concatenated: bool = False
    "They go with a header that lets the phone join them."


def units(text: str, encoding: Encoding) -> int:
    """Septets of GSM-7, or UTF-16 code units."""
    if encoding == "gsm7":
        return sum(len(CODES[character]) for character in text)
    return sum(1 + (character > "\uffff") for character in text)


def split(text: str, *, concatenated: bool = False) -> Segments:
    """The messages that a text becomes. Raises `AuthorError` where they would be more than `PARTS_MAX`."""
    encoding, parts = _split(text, concatenated)
    if len(parts) > PARTS_MAX:
        characters = "160 characters" if encoding == "gsm7" else "70 characters, since it has some beyond GSM-7"
        raise AuthorError(f"the text is {len(parts)} messages ({characters} each); at most {PARTS_MAX} are sent")
    return Segments(encoding, tuple(parts), concatenated and len(parts) > 1)


def fitting(text: str, *, concatenated: bool = False) -> tuple[Segments, bool]:
    """As much of a text as can be sent, and whether that is not all of it."""
    encoding, parts = _split(text, concatenated)
    return Segments(encoding, tuple(parts[:PARTS_MAX]), concatenated and len(parts) > 1), len(parts) > PARTS_MAX


def _split(text: str, concatenated: bool) -> tuple[Encoding, list[str]]:
    encoding: Encoding = "gsm7" if is_gsm7(text) else "ucs2"
    if units(text, encoding) <= UNITS[encoding]:
        return encoding, [text]
    room = (UNITS_CONCATENATED if concatenated else UNITS)[encoding]
    parts: list[str] = []
    begun, used = 0, 0
    for at, character in enumerate(text):
        width = units(character, encoding)
        if used + width > room:
            parts.append(text[begun:at])
            begun, used = at, 0
        used += width
    parts.append(text[begun:])
    return encoding, parts
