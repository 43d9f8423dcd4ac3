"""Kinds of lines by the world's numbering plans, as libphonenumber has them: offline.

Most countries tell landlines by their first digits. North America does not: there a number is unknown, and it is for the carrier
to say (`Refused.not_mobile`). Numbers that were ported from one kind to the other are unknown to any plan, and rare.
"""

import phonenumbers
from phonenumbers import PhoneNumberType

from callwright.ports.line_types import LineType

_KINDS: dict[int, LineType] = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.PAGER: "mobile",
    PhoneNumberType.FIXED_LINE: "landline",
    PhoneNumberType.PREMIUM_RATE: "landline",
    PhoneNumberType.SHARED_COST: "landline",
    PhoneNumberType.VOICEMAIL: "landline",
    PhoneNumberType.UAN: "landline",
}


class NumberingPlans:
    """A `LineTypes`."""

    def of(self, number: str) -> LineType:
        try:
            parsed = phonenumbers.parse(f"+{number}")
        except phonenumbers.NumberParseException:
            return "unknown"
        return _KINDS.get(phonenumbers.number_type(parsed), "unknown")
