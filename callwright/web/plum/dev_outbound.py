"""DEV outbound: calls that run a document (docs/compatibility: dev-queue-call, dev-queue-calls).

Credentials are fields of the form, replies are one XML element named after the service, and what is wrong stands in its
attribute `error`, with 200 as in DEV's other services.
"""

import io
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, TypedDict
from zoneinfo import ZoneInfo

from lxml import etree
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request

from callwright.base import phone_numbers
from callwright.base.contacts import Contact, ContactsError
from callwright.base.errors import RequestError, Unauthorized
from callwright.base.values import Value
from callwright.providers.http import is_http_url
from callwright.services import accounts, campaigns, passwords
from callwright.services.campaigns import NewCampaign
from callwright.services.probes import Probes
from callwright.store.database import Database
from callwright.store.outbound import NewCall
from callwright.store.scope import Scope
from callwright.web.plum import natural_times, texts
from callwright.web.plum.dev import DevEndpoint
from callwright.web.plum.encoding import XML_DECLARATION, Body, Form, xml_text
from callwright.web.plum.endpoint import Asked, Field, Reply
from callwright.web.plum.fields import TIMESTAMP_MAX, given, integer, opened_form, read_form, texts_of

DEFAULT_WAIT_S = 300
RETRIES_MAX = 10
WAIT_MIN_S, WAIT_MAX_S = 60, 172_800
PIN_SHOWN = "********"

LENGTHS = {
    "login": 128,
    "pin": 16,
    "phone_number": 128,
    "start_url": 255,
    "result_url": 255,
    "message_reference": 255,
    "call_parameters": 255,
    "campaign_name": 255,
    "campaign_parameters": 255,
    "scheduled_time": natural_times.TEXT_MAX,
    "expiration_time": natural_times.TEXT_MAX,
}
"Characters, by field."

SPELLINGS = {
    "phone_number": ("phone_number", "number"),
    "phone_numbers": ("phone_numbers", "numbers"),
    "max_retries": ("max_retries", "max_retry"),
}
"Names that Plum's pages give to one field; the first that was sent counts."


@dataclass(frozen=True)
class OutboundEndpoint(DevEndpoint):
    """A row of the table, in the manner of DEV outbound. Its handler's reply: `@` names are attributes, a list elements."""

    family: ClassVar[str] = "Plum DEV outbound"
    scheme: ClassVar[str | None] = None

    def form(self, request: Request) -> Form:
        return "xml"

    async def admit(self, request: Request, db: Database) -> Scope:
        form = await read_form(request)
        sent = texts_of(form)
        login, pin = _text(sent, "login"), _text(sent, "pin")
        try:
            if not login or not pin or len(login) > LENGTHS["login"] or len(pin) > LENGTHS["pin"] or "\0" in login:
                raise Unauthorized("unknown")
            client = request.client.host if request.client else ""
            return await passwords.authenticate(db, login, pin, client=client, pin=True)
        except RequestError:
            await form.close()
            raise

    async def succeeded(self, body: Body, form: Form) -> AsyncIterator[bytes]:
        yield self._element(body)

    def failed(self, text: str, form: Form) -> bytes:
        return self._element({"@status": "failed", "@error": text})

    def _element(self, body: Body) -> bytes:
        assert isinstance(body, dict)
        root = etree.Element(self.service)
        for name, value in body.items():
            if name.startswith("@"):
                root.set(name[1:], xml_text(value))
            elif isinstance(value, list):
                for one in value:
                    assert isinstance(one, dict)
                    etree.SubElement(root, name, {key: xml_text(text) for key, text in one.items()})
            else:
                etree.SubElement(root, name).text = xml_text(value)
        return XML_DECLARATION + etree.tostring(root, encoding="UTF-8", xml_declaration=False)


async def queue_call(asked: Asked) -> Reply:
    async with opened_form(asked.request) as form:
        fields = texts_of(form)
    number = phone_numbers.parse(_text(fields, "phone_number"))
    if number is None:
        raise RequestError(400, texts.DEV_PHONE_MISSING, field="phone_number")
    start_url = _start_url(fields)
    call = NewCall(
        number,
        {},
        **await _plan(asked, fields),
        message_reference=_text(fields, "message_reference"),
        call_parameters=_text(fields, "call_parameters"),
    )
    await _probe(asked, start_url, call.result_url)
    call_id = await campaigns.queue_call(asked.db, asked.scope, start_url, call)
    return Reply({"@status": "queued", "@call_id": call_id, **_echo(fields, CALL_FIELDS)})


async def queue_calls(asked: Asked) -> Reply:
    request = asked.request
    async with opened_form(request) as form:
        fields = texts_of(form)
        name = _text(fields, "campaign_name")
        if not name:
            raise RequestError(400, texts.DEV_MISSING.format(field="campaign_name"), field="campaign_name")
        sent = next((form.get(spelling) for spelling in SPELLINGS["phone_numbers"] if form.get(spelling)), None)
        if not sent:
            raise RequestError(400, texts.DEV_MISSING.format(field="phone_numbers"), field="phone_numbers")
        file = sent.file if isinstance(sent, UploadFile) else io.BytesIO(sent.encode())
        campaign = NewCampaign(name, _start_url(fields), _text(fields, "campaign_parameters"))
        plan = await _plan(asked, fields)
        await _probe(asked, campaign.start_url, plan["result_url"])

        async def still_there() -> None:
            if await request.is_disconnected():
                raise ClientDisconnect

        try:
            async with request.app.state.bulk_turn:
                queued = await campaigns.queue_calls(
                    asked.db, asked.scope, campaign, file, lambda one: _row(one, plan), confirm=still_there
                )
        except ContactsError as error:
            raise RequestError(400, texts.of_contacts(error), field="phone_numbers") from None
    calls: list[Value] = [{"phone_number": number, "call_id": call_id} for number, call_id in queued.calls]
    return Reply(
        {"@status": "queued", "@campaign_id": queued.id, **_echo(fields, CAMPAIGN_FIELDS), "call": calls},
    )


def _row(contact: Contact, plan: "Plan") -> NewCall:
    """A row of the file. Columns of two names are what single calls have as fields; all others are told to start_url."""
    columns = dict(contact.variables)
    reference, parameters = columns.pop("message_reference", ""), columns.pop("call_parameters", "")
    return NewCall(contact.number, columns, **plan, message_reference=reference, call_parameters=parameters)


class Plan(TypedDict):
    """What a request says of its calls beside whom they are to and what they are about."""

    start_at: float | None
    end_at: float | None
    max_attempts: int
    reattempt_wait_s: int
    result_url: str


async def _plan(asked: Asked, fields: Mapping[str, str]) -> Plan:
    """The checked fields. One that Plum does not know is ignored, as PHP does."""
    for name in LENGTHS:
        if "\0" in _text(fields, name):
            raise RequestError(400, texts.DEV_INVALID.format(field=name), field=name)
    result_url = _text(fields, "result_url")
    if result_url and not is_http_url(result_url):
        raise RequestError(400, texts.DEV_URL.format(field="result_url"), field="result_url")
    now = time.time()
    start_at = await _moment(asked, fields, "scheduled", now)
    end_at = await _moment(asked, fields, "expiration", now)
    if end_at is not None and int(end_at) <= int(max(start_at or 0.0, now)):
        raise RequestError(400, texts.DEV_EXPIRED, field="expiration_timestamp")
    retries = _integer(fields, "max_retries", 0, RETRIES_MAX, 0)
    wait_s = _integer(fields, "retry_interval", WAIT_MIN_S, WAIT_MAX_S, DEFAULT_WAIT_S)
    return Plan(
        start_at=start_at, end_at=end_at, max_attempts=retries + 1, reattempt_wait_s=wait_s, result_url=result_url
    )


def _start_url(fields: Mapping[str, str]) -> str:
    url = _text(fields, "start_url")
    if not is_http_url(url):
        raise RequestError(400, texts.DEV_URL.format(field="start_url"), field="start_url")
    return url


async def _probe(asked: Asked, start_url: str, result_url: str) -> None:
    """Both have to answer before a telephone rings for them."""
    probes: Probes = asked.request.app.state.probes
    await probes.require("start_url", start_url)
    if result_url:
        await probes.require("result_url", result_url)


async def _moment(asked: Asked, fields: Mapping[str, str], which: str, now: float) -> float | None:
    """`scheduled_timestamp` in UNIX seconds, where 0 is as if not sent, or `scheduled_time` in words."""
    in_seconds, in_words = f"{which}_timestamp", f"{which}_time"
    seconds = _integer(fields, in_seconds, 0, TIMESTAMP_MAX, 0)
    words = _text(fields, in_words)
    if not words:
        return float(seconds) or None
    if seconds:
        raise RequestError(400, texts.DEV_BOTH.format(one=in_seconds, other=in_words), field=in_words)
    account = await accounts.get(asked.db, asked.scope)
    found = await natural_times.read(words, now, ZoneInfo(account.time_zone))
    if found is None:
        raise RequestError(400, texts.DEV_TIME.format(field=in_words), field=in_words)
    return found


def _text(fields: Mapping[str, str], name: str) -> str:
    """A field by any of its spellings, stripped. Raises `RequestError` where it is too long."""
    value = next((text for spelling in SPELLINGS.get(name, (name,)) if (text := given(fields, spelling))), "")
    limit = LENGTHS.get(name)
    if limit is not None and len(value) > limit and name not in ("login", "pin"):
        raise RequestError(400, texts.DEV_LENGTH.format(field=name, limit=limit), field=name)
    return value


def _integer(fields: Mapping[str, str], name: str, low: int, high: int, default: int) -> int:
    problem = texts.DEV_RANGE.format(field=name, low=low, high=high)
    return integer(_text(fields, name) or str(default), low, high, problem, field=name)


def _echo(fields: Mapping[str, str], known: tuple[Field, ...]) -> dict[str, Value]:
    """The fields that were sent, as Plum's reply repeats them; but not the PIN."""
    sent = {field.name: _text(fields, field.name) for field in known if field.where == "form"}
    return {name: PIN_SHOWN if name == "pin" else value for name, value in sent.items() if value}


_LOGIN = (
    Field("login", "The user's email.", True),
    Field("pin", "The user's PIN for DEV outbound.", True),
)
_PLAN = (
    Field("result_url", "Gets one POST when the call is over. It is asked by GET before the call is queued, too."),
    Field("max_retries", "Attempts after the first one, 0 to 10; default 0. max_retry is read too."),
    Field("retry_interval", "Seconds between attempts, 60 to 172800; default 300."),
    Field("scheduled_timestamp", "UNIX time at which dialling may begin; 0 or nothing: now."),
    Field("scheduled_time", "The same in words: now, +3 days, oct 14th, 2031 11:05PM EST."),
    Field("expiration_timestamp", "UNIX time after which no attempt is made; 0 or nothing: never."),
    Field("expiration_time", "The same in words."),
)
_START_URL = Field(
    "start_url", "The document that the call runs. It is asked by GET first, and has to answer 200.", True
)
CALL_FIELDS = (
    *_LOGIN,
    Field("phone_number", "As in Fuse, with the leading 1.", True, "12125550101;ani=2125550100"),
    _START_URL,
    Field("message_reference", "Told to start_url and result_url."),
    Field("call_parameters", "Told to start_url."),
    *_PLAN,
)
CAMPAIGN_FIELDS = (
    *_LOGIN,
    Field("campaign_name", "A name that no other campaign of the user has.", True),
    Field("phone_numbers", "A file of contacts: CSV whose first column is named destination.", True, where="file"),
    _START_URL,
    Field("campaign_parameters", "Told to start_url, in each call."),
    *_PLAN,
)
_CODES = {
    200: "One element with the attribute status: queued, or failed with the attribute error.",
    401: "login or pin is missing or wrong, or the account is inactive.",
    405: "Another method.",
    413: "The body is too large.",
    429: "Too many wrong PINs.",
    500: "Database error.",
}

ENDPOINTS = (
    OutboundEndpoint(
        "/webservice/queuecall.php",
        "POST",
        "Queue an outbound call that runs a document",
        "dev-queue-call",
        queue_call,
        CALL_FIELDS,
        _CODES,
        service="queuecall",
    ),
    OutboundEndpoint(
        "/webservice/queuecalls.php",
        "POST",
        "Queue a campaign of calls that run a document",
        "dev-queue-calls",
        queue_calls,
        CAMPAIGN_FIELDS,
        _CODES,
        service="queuecalls",
    ),
)
