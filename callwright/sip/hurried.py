"""New calls that there is no time for: 503 to an INVITE that is read no further than its answer needs.

Past the limit most of what comes is turned away, so this has to cost a fraction of a call. Only what everybody sends is
understood here, the usual names of header fields, a line each; whatever else is read whole by `message.parse`. The answer's
tag tells its ACK, for which nothing is kept, from all others.
"""

from collections.abc import Callable

from callwright.base.errors import PeerError
from callwright.sip.address import Address, Via, read_via
from callwright.sip.transaction import MAGIC, reply_address, same_tag

BYTES_MAX = 8_000
"A longer INVITE is read whole."

_TAG = "no-time-"
_ACK_TAG = f";tag={_TAG}".encode()
_SAID_AGAIN = ("From", "To", "Call-ID", "CSeq")
_OTHERWISE = frozenset({"v", "f", "t", "i", "via", "from", "to", "call-id", "cseq"})
"The same and Via, in small letters and short."


def is_acknowledgement(data: bytes) -> bool:
    """Of an answer made here."""
    return data.startswith(b"ACK ") and _ACK_TAG in data


def refusal(
    data: bytes, source: Address, *, is_repeat: Callable[[Via], bool], retry_after_s: int, server: str
) -> tuple[bytes, Address] | None:
    """The answer to a new INVITE, always the same, and where it goes. None: this has to be read whole.

    `is_repeat`: whether an INVITE with this Via is served already.
    """
    head, end, _ = data.partition(b"\r\n\r\n")
    if not end or len(data) > BYTES_MAX or head.count(b"\n") != head.count(b"\r\n") or b"\0" in head:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    if not first.startswith("INVITE ") or not first.endswith(" SIP/2.0"):
        return None
    vias: list[str] = []
    said: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(": ")
        if name == "Via":
            vias.append(value)
        elif name in _SAID_AGAIN and name not in said:
            said[name] = value
        elif not colon or name[:1] in " \t" or name.partition(":")[0].strip().lower() in _OTHERWISE:
            return None
    if not vias or len(said) < len(_SAID_AGAIN) or not all(said.values()):
        return None
    if not said["CSeq"].endswith(" INVITE") or "tag" in said["To"].lower():
        return None
    try:
        via = read_via(vias[0])
    except PeerError:
        return None
    if not via.branch.startswith(MAGIC) or "," in vias[0] or is_repeat(via):
        return None
    tag = f"{_TAG}{same_tag((said['Call-ID'], via.branch))}"
    vias[0] = via.received(*source) or vias[0]
    answer = "\r\n".join(
        (
            "SIP/2.0 503 Service Unavailable",
            *(f"Via: {one}" for one in vias),
            f"From: {said['From']}",
            f"To: {said['To']};tag={tag}",
            f"Call-ID: {said['Call-ID']}",
            f"CSeq: {said['CSeq']}",
            f"Retry-After: {retry_after_s}",
            f"Server: {server}",
            "Content-Length: 0\r\n\r\n",
        )
    )
    return answer.encode("latin-1"), reply_address(via, source)
