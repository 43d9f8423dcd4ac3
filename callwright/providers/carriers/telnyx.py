"""Telnyx's Messaging API, version 2."""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import Field, field_validator

from callwright.base.errors import PeerError
from callwright.ports.carrier import Answer, OutboundText, Receipt, ReceivedText, Refused, Taken
from callwright.providers.carriers.http_carrier import CarrierCall, HttpCarrier, Webhook, answered_badly, digits, fresh
from callwright.sms.progress import Delivery

NOT_MOBILE = "40001"
"Not routable: a landline, or a number that no mobile carrier has."

_DELIVERIES: dict[str, Delivery] = {
    "delivered": "delivered",
    "delivery_failed": "undelivered",
    "sending_failed": "undelivered",
    "delivery_unconfirmed": "unconfirmed",
}


class Telnyx(HttpCarrier):
    """Texts by `/v2/messages`. Webhooks are signed with Ed25519 (`telnyx-signature-ed25519`)."""

    secrets: ClassVar[tuple[str, ...]] = ("api_key",)

    type: Literal["telnyx"] = "telnyx"
    api_key: str = Field(min_length=1, max_length=300, title="API key")
    public_key: str = Field(min_length=1, max_length=100, title="Public key of the account, base64")
    base_url: str = Field("https://api.telnyx.com", max_length=300, title="Where its API is")

    @field_validator("public_key")
    @classmethod
    def _is_key(cls, value: str) -> str:
        try:
            Ed25519PublicKey.from_public_bytes(base64.b64decode(value, validate=True))
        except (ValueError, binascii.Error):
            raise ValueError("it is no Ed25519 public key (32 bytes as base64)") from None
        return value

    def call(self, text: OutboundText, status_url: str) -> CarrierCall:
        body = {"from": f"+{text.sender}", "to": f"+{text.to}", "text": text.body, "webhook_url": status_url}
        return CarrierCall(
            f"{self.base_url.rstrip('/')}/v2/messages",
            json.dumps(body).encode(),
            (("Authorization", f"Bearer {self.api_key}"), ("Content-Type", "application/json")),
        )

    def answer(self, status: int, body: bytes) -> Answer:
        said = json.loads(body)
        if status in (200, 202):
            return Taken(str(said["data"]["id"]))
        first = said["errors"][0]
        reason = f"{first.get('code')} {first.get('title', '')}: {first.get('detail', '')}"
        if 400 <= status < 429:
            return Refused(reason, str(first.get("code")) == NOT_MOBILE)
        return answered_badly(status, reason)

    def verify(self, webhook: Webhook, now: float) -> bool:
        timestamp = webhook.headers.get("telnyx-timestamp", "")
        if not fresh(timestamp, now):
            return False
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(self.public_key))
        try:
            signature = base64.b64decode(webhook.headers.get("telnyx-signature-ed25519", ""), validate=True)
            key.verify(signature, timestamp.encode() + b"|" + webhook.body)
        except (InvalidSignature, ValueError, binascii.Error):
            return False
        return True

    def parse_inbound(self, webhook: Webhook) -> Sequence[ReceivedText]:
        kind, message = _message(webhook)
        if kind != "message.received":
            return []
        sender = digits(message["from"]["phone_number"])
        text = str(message.get("text") or "")
        return [ReceivedText(str(message["id"]), digits(to["phone_number"]), sender, text) for to in message["to"][:1]]

    def parse_status(self, webhook: Webhook) -> Sequence[Receipt]:
        kind, message = _message(webhook)
        if kind != "message.finalized":
            return []
        delivery = _DELIVERIES.get(message["to"][0].get("status", ""))
        if delivery is None:
            return []
        errors = message.get("errors") or [{}]
        code = str(errors[0].get("code", ""))
        return [
            Receipt(str(message["id"]), delivery, f"{code} {errors[0].get('title', '')}".strip(), code == NOT_MOBILE)
        ]


def _message(webhook: Webhook) -> tuple[str, dict[str, Any]]:
    try:
        data = webhook.json()["data"]
        payload = data["payload"]
        payload["id"], payload["to"][0]["phone_number"], payload["from"]["phone_number"]
    except (KeyError, TypeError, IndexError):
        raise PeerError("the request is no event of a message") from None
    return str(data.get("event_type")), payload
