"""Phone numbers as clients write them (docs/compatibility/fuse-queue-call.md): `tel:+16175551234;ani=8009957586;postd=2`."""

import re
from dataclasses import dataclass

_SYNTAX = re.compile(r"(?:tel:)?(\+?[0-9]{7,15})((?:;[a-z]+=[^;]+)*)")
_ANI = re.compile(r"\+?[0-9]{3,15}")
_POSTD = re.compile(r"[0-9A-D*#p,]{1,128}")
TELEPHONE = "sip:"
"How what is dialled begins where it is a telephone; of a number there are digits alone."

_TELEPHONE = re.compile(rf"{TELEPHONE}[A-Za-z0-9._-]{{1,64}}@callwright")
TEXT_MAX = 300


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A number to dial, with the caller id to show and the keys to press once it is answered."""

    given: str
    "As the client wrote it."

    dialled: str
    "Digits alone; a ten-digit number has got the 1 of North America."

    ani: str = ""
    postd: str = ""


def parse(text: str) -> PhoneNumber | None:
    """None where the text is not a phone number. Each parameter may stand once."""
    if len(text) > TEXT_MAX:
        return None
    found = _SYNTAX.fullmatch(text)
    if found is None:
        return None
    parameters: dict[str, str] = {}
    for item in filter(None, found[2].split(";")):
        name, _, value = item.partition("=")
        if name in parameters:
            return None
        parameters[name] = value
    ani, postd = parameters.pop("ani", ""), parameters.pop("postd", "")
    if parameters or (ani and not _ANI.fullmatch(ani)) or (postd and not _POSTD.fullmatch(postd)):
        return None
    return PhoneNumber(text, dialled(found[1]), ani.lstrip("+"), postd)


def telephone(text: str) -> PhoneNumber | None:
    """A telephone of one's own, as Transfer names it: `sip:NAME@callwright`, by name or extension. None for anything else."""
    return PhoneNumber(text, text) if _TELEPHONE.fullmatch(text) else None


def is_telephone(dialled: str) -> bool:
    return dialled.startswith(TELEPHONE)


def dialled(number: str) -> str:
    """Digits as a trunk is given them: a ten-digit number is North American and gets its 1."""
    digits = number.lstrip("+")
    return f"1{digits}" if len(digits) == 10 and not number.startswith("+") else digits


_WRITTEN = re.compile(r"\+?[0-9(][0-9(). -]*")
_ABROAD = ("011", "00")
"What is dialled before a country's code in North America, and nearly everywhere else."

_ABROAD_DIGITS_MIN = 10


def heard(address: str) -> str:
    """A number as networks write it in SIP: without separators and parameters, in its international form where it says so: by
    `+`, by `phone-context=+44` (RFC 3966 §5.1.5), or by the digits that are dialled for abroad. Anything else as it is."""
    user, *parameters = address.split(";")
    if not _WRITTEN.fullmatch(user):
        return user
    digits = re.sub(r"[^0-9+]", "", user)
    contexts = [item[len("phone-context=+") :] for item in parameters if item.lower().startswith("phone-context=+")]
    if digits.startswith("+"):
        return digits
    if contexts and contexts[0].isdecimal():
        return f"+{contexts[0]}{digits.removeprefix('0')}"
    for prefix in _ABROAD:
        if digits.startswith(prefix) and len(digits) - len(prefix) >= _ABROAD_DIGITS_MIN:
            return f"+{digits.removeprefix(prefix)}"
    return digits


def spellings(address: str) -> list[str]:
    """How an address may be written: as it is, and a number of North America with and without its 1."""
    digits = address.removeprefix("+")
    if not digits.isdecimal():
        return [address]
    return list(dict.fromkeys((address, digits, digits.removeprefix("1") if len(digits) == 11 else f"1{digits}")))
