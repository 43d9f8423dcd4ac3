"""Where a transfer goes, as authors write it (the module `transfer`)."""

import re
from dataclasses import dataclass

from callwright.base import phone_numbers

DESTINATION_MAX = 300
_DECORATION = re.compile(r"[\s().-]")
_SIP = re.compile(r"sips?:[^\s<>\"]+@?[^\s<>\"]+", re.IGNORECASE)
_EXTENSION = re.compile(r"[0-9]{2,6}")
FORMS = (
    "ten digits, tel:+18887776666 with ;ani= or ;postd= behind it, the extension of a phone that registers here, or a SIP "
    "address such as sip:desk@example.com"
)


@dataclass(frozen=True, slots=True)
class Destination:
    """Who to dial."""

    target: str
    "Digits, or a SIP URI."

    caller_id: str = ""
    keys_after: str = ""

    @property
    def is_sip(self) -> bool:
        return self.target.lower().startswith("sip")


def destination(text: str) -> Destination | None:
    """None where the text is no destination."""
    text = text.strip()
    if len(text) > DESTINATION_MAX:
        return None
    if _SIP.fullmatch(text):
        return Destination(text)
    if _EXTENSION.fullmatch(text):
        return Destination(text)
    number = phone_numbers.parse(_DECORATION.sub("", text).replace("TEL:", "tel:"))
    return Destination(number.dialled, number.ani, number.postd) if number else None
