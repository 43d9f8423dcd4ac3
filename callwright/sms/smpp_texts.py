"""Texts as SMPP carries them, pure: alphabets, the headers of parts, and receipts.

Where the books are silent or disagree, an SMSC's way is a setting of the account (`providers/carriers/smpp.py`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from callwright.base.errors import PeerError
from callwright.sms import alphabet
from callwright.sms.progress import Delivery
from callwright.sms.segments import Encoding
from callwright.sms.smpp import (
    TAG_MESSAGE_STATE,
    TAG_RECEIPTED_MESSAGE_ID,
    TAG_SAR_PART,
    TAG_SAR_PARTS,
    TAG_SAR_REFERENCE,
    UDH_INDICATOR,
    ShortMessage,
)

DefaultAlphabet = Literal["gsm7", "latin1"]
"What an SMSC reads where `data_coding` is 0."

# -- characters (§5.2.19, TS 23.038 §4) --------------------------------------------------------------

LATIN1, UCS2 = 0x03, 0x08

_CODECS = MappingProxyType(
    {
        0x01: "ascii", 0x02: "latin-1", 0x03: "latin-1", 0x04: "latin-1", 0x05: "shift_jis", 0x06: "iso8859-5",
        0x07: "iso8859-8", 0x08: "utf-16-be", 0x0A: "iso2022_jp", 0x0D: "euc_jp", 0x0E: "euc_kr",
    }
)  # fmt: skip


def encoded(text: str, encoding: Encoding, default: DefaultAlphabet) -> tuple[int, bytes]:
    """(`data_coding`, the characters). GSM-7 goes a septet in each byte. What an SMSC of Latin-1 has no character for goes as
    UCS-2."""
    if encoding == "gsm7":
        if default == "gsm7":
            return 0, alphabet.encode(text)
        try:
            return LATIN1, text.encode("latin-1")
        except UnicodeEncodeError:
            pass
    return UCS2, text.encode("utf-16-be", "surrogatepass")


def decoded(data_coding: int, characters: bytes, default: DefaultAlphabet) -> str:
    """The text; what cannot be read becomes U+FFFD."""
    coding = data_coding
    if coding & 0xF0 in (0x10, 0xF0):
        # A message class beside the alphabet: bits 2 and 3 are the alphabet of TS 23.038, the 4 of Fx says 8 bits.
        coding = UCS2 if coding & 0xF0 == 0x10 and coding & 0x0C == 0x08 else 0x04 if coding & 0x04 else 0
    codec = _CODECS.get(coding)
    if codec is None:
        return alphabet.decode(characters) if default == "gsm7" else characters.decode("latin-1")
    return characters.decode(codec, "replace")


# -- parts (TS 23.040 §9.2.3.24.1 and .8; §5.3.2.22 to .24) ---------------------------------------------

_CONCATENATED_8, _CONCATENATED_16 = 0x00, 0x08


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a text a message is."""

    reference: int
    "The same in all its parts; 0 to 65535."

    part: int
    "From 1."

    parts: int


def header_of(part: Part) -> bytes:
    """The header that a phone joins parts by, with a reference of 8 bits: one of 16 would leave 152 septets, and not 153."""
    return bytes((5, _CONCATENATED_8, 3, part.reference & 0xFF, part.parts, part.part))


def parameters_of(part: Part) -> dict[int, bytes]:
    """The same as optional parameters, of which the SMSC makes a header."""
    return {
        TAG_SAR_REFERENCE: (part.reference & 0xFFFF).to_bytes(2, "big"),
        TAG_SAR_PARTS: bytes((part.parts,)),
        TAG_SAR_PART: bytes((part.part,)),
    }


def parted(message: ShortMessage) -> tuple[Part | None, bytes]:
    """(which part of a text it is, its characters without the header). A part that cannot be is none (TS 23.040). Raises
    `PeerError`."""
    characters, found = message.text, None
    if message.esm_class & UDH_INDICATOR and characters:
        size = characters[0] + 1
        if size > len(characters):
            raise PeerError("the header of a text is longer than the text")
        for kind, value in _elements(characters[1:size]):
            if (kind, len(value)) in ((_CONCATENATED_8, 3), (_CONCATENATED_16, 4)):
                found = Part(int.from_bytes(value[:-2], "big"), value[-1], value[-2])
        characters = characters[size:]
    elif message.tlvs.keys() >= {TAG_SAR_REFERENCE, TAG_SAR_PARTS, TAG_SAR_PART}:
        reference, parts, part = (
            int.from_bytes(message.tlvs[tag], "big") for tag in (TAG_SAR_REFERENCE, TAG_SAR_PARTS, TAG_SAR_PART)
        )
        found = Part(reference, part, parts)
    if found is None or found.parts < 2 or not 1 <= found.part <= found.parts <= 255 or found.reference > 0xFFFF:
        return None, characters
    return found, characters


def _elements(header: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 2 <= len(header):
        kind, length = header[at], header[at + 1]
        yield kind, header[at + 2 : at + 2 + length]
        at += 2 + length


# -- receipts (§5.2.12, appendix B) --------------------------------------------------------------------

_RECEIPT, _PROGRESS, _KIND = 0x04, 0x20, 0x3C

_STATES: MappingProxyType[int, str] = MappingProxyType(
    {
        1: "ENROUTE", 2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 6: "ACCEPTD", 7: "UNKNOWN", 8: "REJECTD",
    }
)  # fmt: skip
_DELIVERIES: MappingProxyType[str, Delivery] = MappingProxyType(
    {
        "DELIVRD": "delivered", "EXPIRED": "undelivered", "DELETED": "undelivered", "UNDELIV": "undelivered",
        "REJECTD": "undelivered", "FAILED": "undelivered", "UNKNOWN": "unconfirmed", "ENROUTE": "", "ACCEPTD": "",
    }
)  # fmt: skip

_ID = re.compile(r"\bid:\s*([^\s]{1,64})(?!\S)", re.IGNORECASE)
_STATE = re.compile(r"\bstat:\s*([A-Za-z]{1,20})", re.IGNORECASE)
_ERROR = re.compile(r"\berr:\s*([0-9A-Za-z]{1,10})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SmscReceipt:
    """What an SMSC says of a text that it took."""

    message_id: str
    state: str
    "In the words of appendix B: `DELIVRD`."

    error: str
    "Of the network, as it stands in the text; may be empty."

    delivery: Delivery
    "Empty: it is still on its way."


def is_receipt(message: ShortMessage) -> bool:
    """Whether it is no text of a handset. Some SMSCs say so by the parameters alone."""
    return message.esm_class & _KIND in (_RECEIPT, _PROGRESS) or (
        message.tlvs.keys() >= {TAG_RECEIPTED_MESSAGE_ID, TAG_MESSAGE_STATE}
    )


def receipt(message: ShortMessage) -> SmscReceipt:
    """The parameters count before the text, whose form is only a custom. Raises `PeerError` where neither says what of which."""
    text = message.text.decode("latin-1")
    fields = re.split(r"\btext:", text, maxsplit=1, flags=re.IGNORECASE)[0]
    named = message.tlvs.get(TAG_RECEIPTED_MESSAGE_ID, b"").rstrip(b"\0").decode("latin-1") or _first(_ID, fields)
    state = _STATES.get(int.from_bytes(message.tlvs.get(TAG_MESSAGE_STATE, b""), "big"), "")
    state = state or _first(_STATE, fields).upper()
    if not named or len(named) > 64 or not state:
        raise PeerError("a receipt does not say what became of which text")
    # Some write the word whole; the custom is its first seven letters.
    known = next((one for one in _DELIVERIES if state.startswith(one[:5])), "")
    return SmscReceipt(named, state, _first(_ERROR, fields), _DELIVERIES.get(known, "unconfirmed"))


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""
