"""What every carrier over HTTP is: settings, and pure functions from texts to requests and from requests to what they tell.

A carrier's file does no I/O. `HttpLink` sends what it makes; the web process reads its requests to us (*webhooks*): `verify`
first, then `parse_inbound` or `parse_status`. Whatever a carrier repeats is kept once, by its message id.
"""

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from callwright.base.errors import PeerError, ProviderError
from callwright.ports.carrier import (
    Answer,
    Carrier,
    InDoubt,
    NotNow,
    OutboundText,
    Receipt,
    ReceivedText,
    Refused,
    Store,
)
from callwright.providers.carriers.account import CarrierAccount, Surroundings
from callwright.providers.http import GuardedClient

SEND_S_MAX = 15.0
ANSWER_BYTES_MAX = 256 << 10
AGE_S_MAX = 300.0
"How old a signed request may be: an older one is somebody's copy."

AT_ONCE = 50
"Requests to one carrier that wait for its answer."


@dataclass(frozen=True, slots=True)
class CarrierCall:
    """A request to the carrier."""

    url: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A request of a carrier to a URL of ours, before anybody has believed it."""

    url: str
    "Public, with its query, as the carrier was told it: signatures are made over it."

    headers: Mapping[str, str]
    "Names in lower case."

    body: bytes
    fields: dict[str, str] = field(default_factory=dict)
    "Of a form, or else of the query."

    @classmethod
    def of(cls, url: str, headers: Mapping[str, str], body: bytes) -> "Webhook":
        """Fields that stand twice count as the last of them."""
        is_form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        text = body.decode("utf-8", "replace") if is_form else url.partition("?")[2]
        try:
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=100)
        except ValueError:
            pairs = []
        return cls(url, headers, body, dict(pairs))

    def json(self) -> Any:
        """Raises `PeerError`."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise PeerError("the request is no JSON") from None


class HttpCarrier(CarrierAccount):
    """An account with a carrier over HTTP."""

    joins_parts: ClassVar[bool] = True

    def link(self, surroundings: Surroundings) -> Carrier:
        return HttpLink(self, surroundings.http, surroundings.status_url)

    @abstractmethod
    def call(self, text: OutboundText, status_url: str) -> CarrierCall:
        """The request that hands it over. `status_url`: where receipts are to be told."""

    @abstractmethod
    def answer(self, status: int, body: bytes) -> Answer:
        """What the carrier's answer means."""

    @abstractmethod
    def verify(self, webhook: Webhook, now: float) -> bool:
        """Whether it really comes from the carrier, and is no old copy."""

    @abstractmethod
    def parse_inbound(self, webhook: Webhook) -> Sequence[ReceivedText]:
        """Texts from handsets. Raises `PeerError` for what cannot be read."""

    @abstractmethod
    def parse_status(self, webhook: Webhook) -> Sequence[Receipt]:
        """Receipts; a state between taken and delivered is none. Raises `PeerError` for what cannot be read."""


class HttpLink:
    """Sends over HTTP (`ports/carrier.py`, `Carrier`)."""

    window = AT_ONCE

    def __init__(self, carrier: HttpCarrier, http: GuardedClient, status_url: str) -> None:
        self._carrier, self._http, self._status_url = carrier, http, status_url

    async def ready(self) -> None:
        """At once: that its server is away shows when it is asked."""

    async def send(self, text: OutboundText) -> Answer:
        call = self._carrier.call(text, self._status_url)
        try:
            reply = await self._http.request(
                call.method, call.url, headers=call.headers, content=call.body,
                timeout_s=SEND_S_MAX, max_bytes=ANSWER_BYTES_MAX, redirects_max=0,
            )  # fmt: skip
        except ProviderError as error:
            # Only where no connection was made is it certain that nothing went out.
            return NotNow(str(error), 5.0) if error.unsent else InDoubt(str(error))
        try:
            return self._carrier.answer(reply.status, reply.body)
        except (ValueError, KeyError, TypeError, IndexError, RecursionError):
            if 200 <= reply.status < 300:
                return InDoubt(f"HTTP {reply.status} with an answer that cannot be read")
            return answered_badly(reply.status, "")

    async def run(self, store: Store) -> None:
        """Nothing: what arrives comes as requests to the web process."""


def answered_badly(status: int, reason: str) -> Answer:
    """What an answer that is no success means by its HTTP status alone."""
    said = f"HTTP {status}{': ' if reason else ''}{reason[:300]}"
    if status == 429:
        return NotNow(said, 1.0)
    if status == 503:
        return NotNow(said, 5.0)
    # Any other failure of the server may have come after it took the text.
    return InDoubt(said) if status >= 500 else Refused(said)


def digits(number: object) -> str:
    """A number as we keep it: digits with the country's code. Raises `PeerError`."""
    text = str(number).strip().removeprefix("+").removeprefix("00")
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise PeerError("a telephone number in the request cannot be read")
    return f"1{text}" if len(text) == 10 else text


def needed(fields: Mapping[str, str], name: str) -> str:
    """A field of the request. Raises `PeerError` where it is missing or empty."""
    value = fields.get(name, "")
    if not value:
        raise PeerError(f"the request has no {name}")
    return value


def fresh(timestamp: object, now: float) -> bool:
    """Whether a time in UNIX seconds is at most five minutes from now."""
    try:
        return abs(float(str(timestamp)) - now) <= AGE_S_MAX
    except ValueError:
        return False
