"""Any other carrier over HTTP, by a template: what a request to it looks like, and where in its requests things stand."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self
from urllib.parse import quote
from xml.sax.saxutils import escape

from pydantic import BaseModel, ConfigDict, Field, model_validator

from callwright.base.errors import AuthorError
from callwright.ports.carrier import Answer, InDoubt, OutboundText, Receipt, ReceivedText, Taken
from callwright.providers.carriers.http_carrier import CarrierCall, HttpCarrier, Webhook, answered_badly, digits, needed
from callwright.script.template import Template
from callwright.script.variables import MISSING, Variables, parse_path, text_of
from callwright.sms.progress import Delivery

NAMES = ("id", "to", "from", "body", "status_url")
"What a template may hold, as `{{ to }}`."


class Names(BaseModel):
    """Where in a request of the carrier something stands: a path, such as `message.id` or `results[0].to`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    message_id: str = Field("id", max_length=100, title="Its message id")
    to: str = Field("to", max_length=100, title="Number that received it")
    sender: str = Field("from", max_length=100, title="Sender")
    body: str = Field("body", max_length=100, title="Text")
    status: str = Field("status", max_length=100, title="State, in a receipt")
    reason: str = Field("error", max_length=100, title="Reason, in a receipt")


class Generic(HttpCarrier):
    """Texts by a request that a template makes. Webhooks prove themselves by a secret in a header, as it is or as an HMAC-SHA256
    of the body in hexadecimal."""

    secrets: ClassVar[tuple[str, ...]] = ("headers", "webhook_secret")

    type: Literal["generic"] = "generic"
    url: str = Field(
        min_length=1, max_length=1000, title="URL, with {{ to }}, {{ from }}, {{ body }}, {{ id }}, {{ status_url }}"
    )
    method: Literal["POST", "GET", "PUT"] = Field("POST", title="Method")
    body: str = Field("", max_length=10_000, title="Body, with the same")
    media_type: Literal["application/json", "application/x-www-form-urlencoded", "text/xml", "text/plain"] = Field(
        "application/json", title="Media type of the body"
    )
    headers: dict[str, str] = Field(default_factory=dict, max_length=20, title="Headers")
    message_id: str = Field(
        "id", max_length=100, title="Path of the message id in a JSON answer; empty: all of the answer"
    )
    names: Names = Field(default_factory=Names, title="Where things stand in its requests")
    delivered: list[str] = Field(default_factory=lambda: ["delivered"], max_length=20, title="States: delivered")
    undelivered: list[str] = Field(
        default_factory=lambda: ["undelivered", "failed", "rejected", "expired"],
        max_length=20,
        title="States: undelivered",
    )
    webhook_header: str = Field("x-webhook-secret", min_length=1, max_length=100, title="Header that proves a webhook")
    webhook_secret: str = Field(min_length=16, max_length=200, title="Secret of its webhooks")
    webhook_proof: Literal["secret", "hmac-sha256"] = Field("secret", title="What the header holds")

    @model_validator(mode="after")
    def _readable(self) -> Self:
        try:
            for template in (self.url, self.body, *self.headers.values()):
                for path in Template(template).paths:
                    if len(path) != 1 or path[0] not in NAMES:
                        raise ValueError(f"a template holds {', '.join(NAMES)}, not {path[0]}")
            for path_text in (*self.names.model_dump().values(), *([self.message_id] if self.message_id else [])):
                parse_path(path_text)
        except AuthorError as error:
            raise ValueError(str(error)) from None
        return self

    def call(self, text: OutboundText, status_url: str) -> CarrierCall:
        values = {"id": text.id, "to": text.to, "from": text.sender, "body": text.body, "status_url": status_url}
        headers = tuple((name, _filled(template, values, _header)) for name, template in self.headers.items())
        return CarrierCall(
            _filled(self.url, values, _url),
            _filled(self.body, values, _ESCAPES[self.media_type]).encode(),
            (*headers, ("Content-Type", self.media_type)) if self.body else headers,
            self.method,
        )

    def answer(self, status: int, body: bytes) -> Answer:
        if not 200 <= status < 300:
            return answered_badly(status, body.decode("utf-8", "replace").strip())
        found = body.decode("utf-8", "replace").strip()
        if self.message_id:
            found = text_of(_at(json.loads(body), self.message_id))
        return Taken(found) if 0 < len(found) <= 200 else InDoubt(f"HTTP {status}, and no message id in the answer")

    def verify(self, webhook: Webhook, now: float) -> bool:
        secret = self.webhook_secret.encode()
        expected = secret
        if self.webhook_proof == "hmac-sha256":
            expected = hmac.digest(secret, webhook.body, hashlib.sha256).hex().encode()
        return hmac.compare_digest(expected, webhook.headers.get(self.webhook_header.lower(), "").encode())

    def parse_inbound(self, webhook: Webhook) -> Sequence[ReceivedText]:
        told = self._told(webhook, "message_id", "to", "sender", "body")
        sender, to = digits(needed(told, "sender")), digits(needed(told, "to"))
        return [ReceivedText(told["message_id"][:200], to, sender, told["body"])]

    def parse_status(self, webhook: Webhook) -> Sequence[Receipt]:
        told = self._told(webhook, "message_id", "status", "reason")
        state = needed(told, "status")
        delivery: Delivery = (
            "delivered" if state in self.delivered else "undelivered" if state in self.undelivered else ""
        )
        return [Receipt(needed(told, "message_id"), delivery, told["reason"])] if delivery else []

    def _told(self, webhook: Webhook, *names: str) -> dict[str, str]:
        is_json = webhook.headers.get("content-type", "").startswith("application/json")
        held: Any = webhook.json() if is_json else webhook.fields
        return {name: text_of(_at(held, getattr(self.names, name))) for name in names}


def _at(held: Any, path: str) -> Any:
    """What stands at a path; `MISSING` where nothing does. A list is read as the first of it."""
    if isinstance(held, list):
        held = held[0] if held else {}
    return Variables(held).get(parse_path(path)) if isinstance(held, dict) else MISSING


def _filled(template: str, values: Mapping[str, str], escaped: Any) -> str:
    return Template(template).render(Variables({name: escaped(value) for name, value in values.items()})).text


def _url(value: str) -> str:
    return quote(value, safe="")


def _header(value: str) -> str:
    return " ".join(value.split())


def _json(value: str) -> str:
    return json.dumps(value)[1:-1]


def _plain(value: str) -> str:
    return value


_ESCAPES = {
    "application/json": _json,
    "application/x-www-form-urlencoded": _url,
    "text/xml": escape,
    "text/plain": _plain,
}
