"""Twilio's Programmable Messaging, and services that speak it."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import ClassVar, Literal
from urllib.parse import quote, urlencode

from pydantic import Field

from callwright.ports.carrier import Answer, NotNow, OutboundText, Receipt, ReceivedText, Refused, Taken
from callwright.providers.carriers.http_carrier import (
    CarrierCall,
    HttpCarrier,
    Webhook,
    answered_badly,
    digits,
    needed,
)
from callwright.sms.progress import Delivery

NOT_MOBILE = frozenset({21614, 30006})
"No mobile number; landline, or a carrier that cannot be reached."

LATER = frozenset({20429, 21611})
"Too many requests; the sender's queue is full."

_DELIVERIES: dict[str, Delivery] = {
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "undelivered",
    "failed": "undelivered",
}


class Twilio(HttpCarrier):
    """Texts by Twilio's Messages resource. Webhooks are signed with the account's token (`X-Twilio-Signature`)."""

    secrets: ClassVar[tuple[str, ...]] = ("auth_token",)

    type: Literal["twilio"] = "twilio"
    account_sid: str = Field(min_length=1, max_length=100, title="Account SID")
    auth_token: str = Field(min_length=1, max_length=200, title="Auth token")
    base_url: str = Field("https://api.twilio.com", max_length=300, title="Where its API is")

    def call(self, text: OutboundText, status_url: str) -> CarrierCall:
        form = {"To": f"+{text.to}", "From": f"+{text.sender}", "Body": text.body, "StatusCallback": status_url}
        login = base64.b64encode(f"{self.account_sid}:{self.auth_token}".encode()).decode()
        return CarrierCall(
            f"{self.base_url.rstrip('/')}/2010-04-01/Accounts/{quote(self.account_sid, safe='')}/Messages.json",
            urlencode(form).encode(),
            (("Authorization", f"Basic {login}"), ("Content-Type", "application/x-www-form-urlencoded")),
        )

    def answer(self, status: int, body: bytes) -> Answer:
        said = json.loads(body)
        if status in (200, 201):
            return Taken(str(said["sid"]))
        code, message = said.get("code"), f"{said.get('code')} {said.get('message', '')}"
        if code in LATER:
            return NotNow(message)
        return Refused(message, code in NOT_MOBILE) if 400 <= status < 429 else answered_badly(status, message)

    def verify(self, webhook: Webhook, now: float) -> bool:
        signed = webhook.url + "".join(f"{name}{webhook.fields[name]}" for name in sorted(webhook.fields))
        expected = base64.b64encode(hmac.digest(self.auth_token.encode(), signed.encode(), hashlib.sha1)).decode()
        return hmac.compare_digest(expected.encode(), webhook.headers.get("x-twilio-signature", "").encode())

    def parse_inbound(self, webhook: Webhook) -> Sequence[ReceivedText]:
        fields = webhook.fields
        return [
            ReceivedText(
                needed(fields, "MessageSid"),
                digits(needed(fields, "To")),
                digits(needed(fields, "From")),
                fields.get("Body", ""),
            )
        ]

    def parse_status(self, webhook: Webhook) -> Sequence[Receipt]:
        fields = webhook.fields
        delivery = _DELIVERIES.get(needed(fields, "MessageStatus"))
        if delivery is None:
            return []
        code = fields.get("ErrorCode", "")
        return [Receipt(needed(fields, "MessageSid"), delivery, code, code.isdecimal() and int(code) in NOT_MOBILE)]
