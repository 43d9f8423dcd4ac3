"""The built-in carrier: a handset that gets texts, answers them and returns receipts, so that all of it works with no account.

What it does follows from the last two digits of the number that a text goes to:

| ends in | what happens |
|---|---|
| 02 | it is delivered, and answered with YES |
| 03 | it is taken and cannot be delivered |
| 04 | it is refused: a landline |
| 05 | it is taken, and nothing more is heard of it |
| 06 | it is answered with STOP |
| others | it is delivered |

Texts from a handset come in at its URL (`sms_inbound_url` of the ready file) as a form or JSON of `from`, `to`, `body`.
"""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from typing import ClassVar, Literal

from callwright.base.errors import PeerError
from callwright.ports.carrier import (
    Answer,
    Carrier,
    NotStored,
    OutboundText,
    Receipt,
    ReceivedText,
    Refused,
    Store,
    Taken,
)
from callwright.providers.carriers.account import Surroundings
from callwright.providers.carriers.http_carrier import AT_ONCE, CarrierCall, HttpCarrier, Webhook, digits, needed

log = logging.getLogger(__name__)

WAITING_MAX = 10_000
"Receipts and answers on their way; past it texts wait."

AGAIN_S = 1.0
"Until what could not be kept is told again."

ANSWERS = {"02": "YES", "06": "STOP"}


class Loopback(HttpCarrier):
    """The built-in handset. Its URL is its only secret."""

    joins_parts: ClassVar[bool] = False

    type: Literal["loopback"] = "loopback"

    def link(self, surroundings: Surroundings) -> Carrier:
        return Handset()

    def call(self, text: OutboundText, status_url: str) -> CarrierCall:
        raise AssertionError("it is no server")

    def answer(self, status: int, body: bytes) -> Answer:
        raise AssertionError("it is no server")

    def verify(self, webhook: Webhook, now: float) -> bool:
        return True

    def parse_inbound(self, webhook: Webhook) -> Sequence[ReceivedText]:
        is_json = webhook.headers.get("content-type", "").startswith("application/json")
        told = webhook.json() if is_json else webhook.fields
        if not isinstance(told, dict):
            raise PeerError("the request is no object of from, to and body")
        fields = {str(name): str(value) for name, value in told.items()}
        # A handset sends each text once, and has no ids: a double of a client is another text.
        return [
            ReceivedText(
                secrets.token_hex(16),
                digits(needed(fields, "to")),
                digits(needed(fields, "from")),
                fields.get("body", ""),
            )
        ]

    def parse_status(self, webhook: Webhook) -> Sequence[Receipt]:
        raise PeerError("the built-in carrier tells receipts by itself")


class Handset:
    """The other end of the built-in carrier (`ports/carrier.py`, `Carrier`)."""

    window = AT_ONCE

    def __init__(self) -> None:
        self._coming: asyncio.Queue[Receipt | ReceivedText] = asyncio.Queue(WAITING_MAX)

    async def ready(self) -> None:
        """At once."""

    async def send(self, text: OutboundText) -> Answer:
        kind = text.to[-2:]
        if kind == "04":
            return Refused("the number is a landline", not_mobile=True)
        taken = Taken(secrets.token_hex(16))
        if kind == "03":
            await self._coming.put(Receipt(taken.carrier_message_id, "undelivered", "the handset is switched off"))
        elif kind != "05":
            await self._coming.put(Receipt(taken.carrier_message_id, "delivered"))
            # Once for each text, and never to a confirmation: two machines would talk for ever.
            if kind in ANSWERS and text.part == text.parts and not text.body.startswith("You have successfully"):
                await self._coming.put(ReceivedText(secrets.token_hex(16), text.sender, text.to, ANSWERS[kind]))
        return taken

    async def run(self, store: Store) -> None:
        while True:
            await self._told(store, await self._coming.get())

    async def _told(self, store: Store, what: Receipt | ReceivedText) -> None:
        while True:
            try:
                return await store(what)
            except NotStored as error:
                if not error.again:
                    return log.warning("the built-in handset: %s", error)
                await asyncio.sleep(AGAIN_S)
