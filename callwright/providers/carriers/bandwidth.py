"""Bandwidth's Messaging API, version 2."""

import base64
import hmac
import json
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import Field

from callwright.base.errors import PeerError
from callwright.ports.carrier import Answer, OutboundText, Receipt, ReceivedText, Refused, Taken
from callwright.providers.carriers.http_carrier import CarrierCall, HttpCarrier, Webhook, answered_badly, digits

NOT_MOBILE = frozenset({4720, 4721, 4770})
"Destination not routable, or no mobile number."


class Bandwidth(HttpCarrier):
    """Texts by `/users/{account}/messages`. Webhooks carry the name and password that its application was given (Basic)."""

    secrets: ClassVar[tuple[str, ...]] = ("api_secret", "webhook_password")

    type: Literal["bandwidth"] = "bandwidth"
    account_id: str = Field(min_length=1, max_length=100, title="Account id")
    application_id: str = Field(min_length=1, max_length=100, title="Application id")
    api_token: str = Field(min_length=1, max_length=200, title="API token")
    api_secret: str = Field(min_length=1, max_length=200, title="API secret")
    webhook_user: str = Field(min_length=1, max_length=100, title="User name of its webhooks")
    webhook_password: str = Field(min_length=8, max_length=200, title="Password of its webhooks")
    base_url: str = Field("https://messaging.bandwidth.com", max_length=300, title="Where its API is")

    def call(self, text: OutboundText, status_url: str) -> CarrierCall:
        # Where receipts go is set with the application; the tag comes back with them.
        body = {
            "applicationId": self.application_id,
            "to": [f"+{text.to}"],
            "from": f"+{text.sender}",
            "text": text.body,
            "tag": text.id,
        }
        return CarrierCall(
            f"{self.base_url.rstrip('/')}/api/v2/users/{quote(self.account_id, safe='')}/messages",
            json.dumps(body).encode(),
            (("Authorization", _basic(self.api_token, self.api_secret)), ("Content-Type", "application/json")),
        )

    def answer(self, status: int, body: bytes) -> Answer:
        said = json.loads(body)
        if status == 202:
            return Taken(str(said["id"]))
        reason = f"{said.get('type', '')}: {said.get('description', '')}"
        return Refused(reason) if 400 <= status < 429 else answered_badly(status, reason)

    def verify(self, webhook: Webhook, now: float) -> bool:
        expected = _basic(self.webhook_user, self.webhook_password)
        return hmac.compare_digest(expected.encode(), webhook.headers.get("authorization", "").encode())

    def parse_inbound(self, webhook: Webhook) -> Sequence[ReceivedText]:
        return [
            ReceivedText(
                str(message["id"]), digits(event["to"]), digits(message["from"]), str(message.get("text") or "")
            )
            for event, message in _events(webhook)
            if event.get("type") == "message-received"
        ]

    def parse_status(self, webhook: Webhook) -> Sequence[Receipt]:
        receipts = []
        for event, message in _events(webhook):
            if event.get("type") == "message-delivered":
                receipts.append(Receipt(str(message["id"]), "delivered"))
            elif event.get("type") == "message-failed":
                code = event.get("errorCode")
                reason = f"{code} {event.get('description', '')}".strip()
                receipts.append(Receipt(str(message["id"]), "undelivered", reason, code in NOT_MOBILE))
        return receipts


def _basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def _events(webhook: Webhook) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    events = webhook.json()
    if not isinstance(events, list) or len(events) > 100:
        raise PeerError("the request is no list of up to 100 events")
    for event in events:
        try:
            message = event["message"]
            message["id"], message["from"], event["to"]
        except (KeyError, TypeError):
            raise PeerError("the request is no event of a message") from None
        yield event, message
