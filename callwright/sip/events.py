"""What a SIP call tells its owner."""

from dataclasses import dataclass
from typing import Literal

from callwright.sip.message import Request

_NUMBERED = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}
"Some gateways name the keys as RFC 4733 numbers them."


@dataclass(frozen=True, slots=True)
class Ringing:
    """A provisional answer to our INVITE: 180, 183 and the like."""

    status: int
    sdp: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """Our INVITE was answered with a 2xx; the ACK is sent."""

    sdp: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The ACK for our 2xx came. Told for the call's first INVITE, and again for one that held no offer."""

    sdp: str = ""
    "The answer of a peer whose INVITE held no offer."


@dataclass(frozen=True, slots=True)
class Rejected:
    """Our INVITE was refused, or nobody answered it (408)."""

    status: int
    reason: str
    """Printable and short, but the peer's own words; behind them what the telephone network said, where the peer tells it:
    `Busy Here (Q.850 17)`."""

    heard: bool = True
    "The peer said something; where it did not, it is not there."


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over: BYE, CANCEL, or a peer that no longer answers. Told once, and last."""

    by: Literal["remote", "local", "failure"]
    reason: str


@dataclass(frozen=True, slots=True)
class Reoffered:
    """A re-INVITE or UPDATE with a new offer; to be answered by `answer_reoffer` or `reject_reoffer`."""

    sdp: str
    "Empty for a re-INVITE without an offer: it asks for ours, and `Confirmed` brings the answer."


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key told by INFO (dtmf-relay)."""

    key: str
    "One of `0-9*#ABCD`."


@dataclass(frozen=True, slots=True)
class Referred:
    """What came of our `refer`: 200 to 299, and the peer talks to the other; else what refused it, and the call goes on."""

    status: int
    reason: str
    "Printable and short, but the peer's own words."

    tried: bool = True
    "The peer did call the other; where it did not, it takes no REFER, or not this one."


SipEvent = Ringing | Answered | Confirmed | Rejected | Ended | Reoffered | KeyInfo | Referred

KEY_TYPES = ("application/dtmf-relay", "application/dtmf")
"Bodies of INFO that tell a key."


def info_key(request: Request) -> str:
    """The key of an INFO: `Signal=5` (application/dtmf-relay) or the bare key (application/dtmf); empty for any other."""
    text = ""
    if request.media_type == KEY_TYPES[1]:
        text = request.body.strip()
    elif request.media_type == KEY_TYPES[0]:
        for line in request.body.split("\n"):
            name, _, value = line.partition("=")
            if name.strip().lower() == "signal":
                text = value.strip()
                break
    key = _NUMBERED.get(text, text).upper()
    return key if len(key) == 1 and key in "0123456789*#ABCD" else ""
