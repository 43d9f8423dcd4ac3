"""`Replaces` (RFC 3891): a call that is to take the place of another one, in an INVITE and in the URI of a REFER."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from callwright.base.errors import PeerError
from callwright.sip.address import parameters
from callwright.sip.message import CALL_ID_MAX, Headers

if TYPE_CHECKING:
    from callwright.sip.call import SipCall

_TAG = re.compile(r"[A-Za-z0-9.!%*_+`'~-]{1,128}")
_CALL_ID = re.compile(rf"[\x21-\x3a\x3c-\x7e]{{1,{CALL_ID_MAX}}}")


@dataclass(frozen=True, slots=True)
class Replaces:
    """The dialog that is meant, as the side sees it that is asked to let it go."""

    call_id: str
    local_tag: str
    "Of the side that is asked (`to-tag`)."

    remote_tag: str
    early_only: bool = False

    def __str__(self) -> str:
        return f"{self.call_id};to-tag={self.local_tag};from-tag={self.remote_tag}"

    @property
    def in_uri(self) -> str:
        """Escaped, as a header field of a URI."""
        return quote(str(self), safe="")


def replaces(value: str) -> Replaces:
    """Raises `PeerError`."""
    call_id, _, options = value.partition(";")
    told = parameters(options)
    ours, theirs = told.get("to-tag", ""), told.get("from-tag", "")
    if not (_CALL_ID.fullmatch(call_id.strip()) and _TAG.fullmatch(ours) and _TAG.fullmatch(theirs)):
        raise PeerError(f"a Replaces of {value[:60]!r}")
    return Replaces(call_id.strip(), ours, theirs, "early-only" in told)


def replaced(headers: Headers, calls: "Mapping[tuple[str, str], SipCall]") -> "SipCall | int":
    """The call that an INVITE is to take the place of, of those by Call-ID and our tag, or the status that refuses it (§3): 400
    also where it names two."""
    values = headers.all("replaces")
    if len(values) != 1:
        return 400
    try:
        return meant(replaces(values[0]), calls)
    except PeerError:
        return 400


def meant(named: Replaces, calls: "Mapping[tuple[str, str], SipCall]") -> "SipCall | int":
    """Of these calls the one that is named, where another may take its place; or the status that refuses it (§3)."""
    call = calls.get((named.call_id, named.local_tag))
    early = call is not None and call.rings(named.remote_tag)
    if call is None or not (early or (call.knows(named.remote_tag) and call.state in ("answered", "confirmed"))):
        # Also a call to us that rings: only who began one may let it go.
        return 481
    if named.early_only and not early:
        return 486
    return 403 if call.on_replaced is None else call
