"""What a SIP call tells its owner."""

from dataclasses import dataclass
from typing import Literal


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
    """The ACK for our 2xx came. `sdp`: the answer of a peer whose INVITE held no offer."""

    sdp: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Our INVITE was refused, or nobody answered it (408)."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over: BYE, CANCEL, or a peer that no longer answers. Told once, and last."""

    by: Literal["remote", "local", "failure"]
    reason: str


@dataclass(frozen=True, slots=True)
class Reoffered:
    """A re-INVITE or UPDATE with a new offer; to be answered by `answer_reoffer` or `reject_reoffer`."""

    sdp: str


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key told by INFO (dtmf-relay)."""

    key: str


SipEvent = Ringing | Answered | Confirmed | Rejected | Ended | Reoffered | KeyInfo
