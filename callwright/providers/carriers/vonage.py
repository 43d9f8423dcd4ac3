"""Vonage's SMS API."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import ClassVar, Literal
from urllib.parse import urlencode

from pydantic import Field

from callwright.ports.carrier import Answer, InDoubt, NotNow, OutboundText, Receipt, ReceivedText, Refused, Taken
from callwright.providers.carriers.http_carrier import (
    CarrierCall,
    HttpCarrier,
    Webhook,
    answered_badly,
    digits,
    fresh,
    needed,
)
from callwright.sms.progress import Delivery

_DELIVERIES: dict[str, Delivery] = {
    "delivered": "delivered",
    "expired": "undelivered",
    "failed": "undelivered",
    "rejected": "undelivered",
    "unknown": "unconfirmed",
}
THROTTLED, INTERNAL_ERROR = "1", "5"
NOT_MOBILE = "10"
"`err-code` of a receipt: the number is no mobile."


class Vonage(HttpCarrier):
    """Texts by the SMS API. Webhooks are signed with HMAC-SHA256 under the account's signature secret (`sig`)."""

    secrets: ClassVar[tuple[str, ...]] = ("api_secret", "signature_secret")

    type: Literal["vonage"] = "vonage"
    api_key: str = Field(min_length=1, max_length=100, title="API key")
    api_secret: str = Field(min_length=1, max_length=200, title="API secret")
    signature_secret: str = Field(min_length=1, max_length=200, title="Signature secret (SHA-256 HMAC)")
    base_url: str = Field("https://rest.nexmo.com", max_length=300, title="Where its API is")

    def call(self, text: OutboundText, status_url: str) -> CarrierCall:
        form = {
            "api_key": self.api_key,
            "api_secret": self.api_secret,
            "to": text.to,
            "from": text.sender,
            "text": text.body,
            "type": "text" if text.encoding == "gsm7" else "unicode",
            "client-ref": text.id,
            "callback": status_url,
        }
        return CarrierCall(
            f"{self.base_url.rstrip('/')}/sms/json",
            urlencode(form).encode(),
            (("Content-Type", "application/x-www-form-urlencoded"),),
        )

    def answer(self, status: int, body: bytes) -> Answer:
        if status != 200:
            return answered_badly(status, "")
        # A long text has an entry for each of its parts; receipts name each, and the last is told last.
        message = json.loads(body)["messages"][-1]
        code = str(message["status"])
        if code == "0":
            return Taken(str(message["message-id"]))
        said = f"{code} {message.get('error-text', '')}"
        if code == THROTTLED:
            return NotNow(said)
        return InDoubt(said) if code == INTERNAL_ERROR else Refused(said)

    def verify(self, webhook: Webhook, now: float) -> bool:
        fields = self._fields(webhook)
        signed = "".join(
            f"&{name}={fields[name].replace('&', '_').replace('=', '_')}" for name in sorted(fields) if name != "sig"
        )
        expected = hmac.digest(self.signature_secret.encode(), signed.encode(), hashlib.sha256).hex()
        return fresh(fields.get("timestamp", ""), now) and hmac.compare_digest(
            expected.encode(), fields.get("sig", "").lower().encode()
        )

    def parse_inbound(self, webhook: Webhook) -> Sequence[ReceivedText]:
        fields = self._fields(webhook)
        return [
            ReceivedText(
                needed(fields, "messageId"),
                digits(needed(fields, "to")),
                digits(needed(fields, "msisdn")),
                fields.get("text", ""),
            )
        ]

    def parse_status(self, webhook: Webhook) -> Sequence[Receipt]:
        fields = self._fields(webhook)
        delivery = _DELIVERIES.get(needed(fields, "status"))
        if delivery is None:
            return []
        code = fields.get("err-code", "")
        return [Receipt(needed(fields, "messageId"), delivery, code if code != "0" else "", code == NOT_MOBILE)]

    def _fields(self, webhook: Webhook) -> dict[str, str]:
        """It may post JSON, a form, or ask by GET: an account chooses."""
        if webhook.headers.get("content-type", "").startswith("application/json"):
            told = webhook.json()
            return {str(name): str(value) for name, value in told.items()} if isinstance(told, dict) else {}
        return webhook.fields
