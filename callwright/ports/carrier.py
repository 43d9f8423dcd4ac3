"""A company that carries texts: what is handed to it, what it answers, and what comes from it.

A carrier with a link (SMPP) holds connections, over which texts go out, and texts and receipts come in. A carrier over HTTP
is asked once for each text, and tells what it has by requests to a URL of ours (`providers/carriers/http_carrier.py`).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from callwright.sms.progress import Delivery
from callwright.sms.segments import Encoding


@dataclass(frozen=True, slots=True)
class OutboundText:
    """One message for a handset."""

    id: str
    "Ours, 32 hex digits; the same at every attempt, for carriers that know a double by it."

    to: str
    "Digits with the country's code, without `+`."

    sender: str
    "A number of ours, in the same form."

    body: str
    encoding: Encoding
    part: int = 1
    parts: int = 1
    reference: int = 0
    "Common to the parts that a phone joins, 0 to 65535; only where `concatenated`."

    concatenated: bool = False
    "It goes with a header that says which part it is."


@dataclass(frozen=True, slots=True)
class Taken:
    """The carrier will deliver it."""

    carrier_message_id: str
    "Its receipts name it so."


@dataclass(frozen=True, slots=True)
class Refused:
    """The carrier will not deliver it, now or ever."""

    reason: str
    "For the message's record, e.g. `21610 Attempt to send to unsubscribed recipient`."

    not_mobile: bool = False
    "It is because the number is a landline."


@dataclass(frozen=True, slots=True)
class NotNow:
    """The carrier has certainly not taken it, and may later: it throttles, is down, or cannot be reached."""

    reason: str
    wait_s: float = 1.0
    "Nothing more is to be sent for so long."


@dataclass(frozen=True, slots=True)
class InDoubt:
    """It went out, and no answer came: it may be on its way. It is not sent again by itself."""

    reason: str


Answer = Taken | Refused | NotNow | InDoubt


@dataclass(frozen=True, slots=True)
class ReceivedText:
    """A text from a handset."""

    carrier_message_id: str
    "The same for a text that the carrier tells twice; empty where it has none."

    to: str
    sender: str
    body: str
    part: int = 1
    parts: int = 1
    "More than one: it is a part of a text, which is whole once all have come."

    reference: int = 0
    "Common to the parts of a text, 0 to 65535."


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a text that was taken."""

    carrier_message_id: str
    delivery: Delivery
    reason: str = ""
    not_mobile: bool = False


Told = ReceivedText | Receipt
Store = Callable[[Told], Awaitable[None]]
"Keeps what a carrier tells. Only when it returns is the carrier told so. Raises `NotStored`, and nothing else."


class NotStored(Exception):
    """What a carrier told could not be kept. `again`: it may be, if the carrier tells it again."""

    def __init__(self, reason: str, *, again: bool) -> None:
        self.again = again
        super().__init__(reason)


class Carrier(Protocol):
    """One account with a carrier."""

    window: int
    "Texts that may be with it unanswered at once. No more are claimed: one that is claimed is as good as sent."

    async def ready(self) -> None:
        """Return when it can take a text, or is likely to."""
        ...

    async def send(self, text: OutboundText) -> Answer:
        """Hand over one message. Bounded in time; raises nothing but what is our own mistake."""
        ...

    async def run(self, store: Store) -> None:
        """Hold what connections it needs, until cancelled; tell `store` what arrives."""
        ...
