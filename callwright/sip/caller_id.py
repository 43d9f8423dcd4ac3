"""Who we say that calls, and whom we believe: From, P-Asserted-Identity (RFC 3325), Remote-Party-ID and Privacy (RFC 3323).

A trunk knows its customer by his user name or by the number in From, wants the caller asserted beside it or not at all, and each
carrier says which in its own words. A caller who is withheld is nobody in From; whom the trunk may still know, P-Asserted-Identity
tells it, and `Privacy: id` that it is to tell nobody else.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from callwright.base.errors import PeerError
from callwright.sip.address import bracketed, name_address, split_list, uri, user_part

ANONYMOUS = "anonymous"
"A caller that nobody knows, as callers and as trunks are told."

NOBODY = '"Anonymous" <sip:anonymous@anonymous.invalid>'
"RFC 3323 §4.1.1.3."

ASSERTING = frozenset({"p-asserted-identity", "remote-party-id"})
"Header fields that say who somebody is, of peers that are believed."

FromUser = Literal["caller", "username"]


@dataclass(frozen=True, slots=True)
class CallerPolicy:
    """What one trunk is told of callers."""

    from_user: FromUser = "caller"
    "Who stands in From: the caller, or we, as the trunk knows us."

    asserts_identity: bool = False
    "The caller stands in P-Asserted-Identity."

    remote_party_id: bool = False
    "The caller stands in Remote-Party-ID, for what is older than RFC 3325."

    withholds_caller: bool = False
    "Nobody is told who calls but the trunk itself."

    def told(self, caller: str, username: str, host: str) -> tuple[tuple[str, str], ...]:
        """Header fields for an INVITE; `from` (without its tag) where it is not the caller at our own address."""
        known = caller not in ("", ANONYMOUS)
        hidden = self.withholds_caller or not known
        place = bracketed(host)
        headers = []
        if hidden:
            headers.append(("from", NOBODY))
        elif self.from_user == "username" and username:
            headers.append(("from", f"<sip:{user_part(username)}@{place}>"))
        if known and self.asserts_identity:
            headers.append(("p-asserted-identity", f"<sip:{user_part(caller)}@{place}>"))
        if known and self.remote_party_id:
            privacy = "full" if hidden else "off"
            headers.append(
                ("remote-party-id", f"<sip:{user_part(caller)}@{place}>;party=calling;privacy={privacy};screen=yes")
            )
        if hidden and (known or self.asserts_identity):
            headers.append(("privacy", "id"))
        return tuple(headers)


def asserted(headers: Iterable[tuple[str, str]]) -> str:
    """The caller that a peer asserts whom we believe: user of the first P-Asserted-Identity. Empty where there is none, or it
    is for us alone (`Privacy: id`)."""
    found = dict(headers)
    wanted = {word.strip().lower() for word in found.get("privacy", "").replace(",", ";").split(";")}
    if "id" in wanted:
        return ""
    for value in split_list(found.get("p-asserted-identity", "")):
        try:
            return uri(name_address(value).uri).user
        except PeerError:
            continue
    return ""
