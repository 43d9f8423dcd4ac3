"""The alphabet of short messages: the GSM 7-bit default alphabet and its extension table (3GPP TS 23.038 §6.2.1)."""

_DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
ESCAPE = 0x1B
"Leads to the extension table; no character of its own."

CODES: dict[str, bytes] = {
    **{character: bytes([code]) for code, character in enumerate(_DEFAULT) if code != ESCAPE},
    **{character: bytes([ESCAPE, code]) for character, code in _EXTENSION.items()},
}
"Every character of GSM-7, with its one septet, or two of the extension table."

_CHARACTERS = {code: character for character, code in CODES.items()}


def is_gsm7(text: str) -> bool:
    """Whether the text can go as GSM-7; otherwise it goes as UCS-2."""
    return all(character in CODES for character in text)


def encode(text: str) -> bytes:
    """GSM-7, a septet in each byte, as SMPP carries it. Raises `KeyError` for a character that is not in it."""
    return b"".join(CODES[character] for character in text)


def decode(septets: bytes) -> str:
    """The text of unpacked GSM-7. An unknown extension is read as the character of the default table, as TS 23.038 says;
    what is no septet becomes U+FFFD."""
    text: list[str] = []
    at = 0
    while at < len(septets):
        width = 2 if septets[at] == ESCAPE and septets[at : at + 2] in _CHARACTERS else 1
        code = septets[at : at + width]
        at += width
        if code[0] == ESCAPE and width == 1:
            continue
        text.append(_CHARACTERS.get(code, "\ufffd"))
    return "".join(text)
