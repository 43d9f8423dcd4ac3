"""Texts: carriers, how numbers send, messages, and who wants none."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from callwright.base import phone_numbers
from callwright.base.errors import RequestError
from callwright.providers.http import is_http_url
from callwright.services import sms, sms_carriers
from callwright.sms.progress import shown
from callwright.store.sms import Query as Asks
from callwright.store.sms import SmsRow
from callwright.store.sms_carriers import WAIT_S, OwnedCarrier, Texting
from callwright.web.v1.deps import PAGE_DEFAULT, After, Asker, Db, Limit
from callwright.web.v1.idempotency import once
from callwright.web.v1.models import SENT, Created, Label

router = APIRouter(tags=["Texts"])


class NewCarrier(BaseModel):
    """An account with a carrier of texts."""

    model_config = SENT

    name: Label
    type: str = Field(max_length=50, description="loopback, twilio, vonage, telnyx, bandwidth, generic or smpp.")
    settings: dict[str, Any] = Field(default_factory=dict, description="The fields of its type.")
    texts_per_second: float = Field(10, ge=0.01, le=sms_carriers.TEXTS_PER_SECOND_MAX)


class ChangedCarrier(BaseModel):
    model_config = SENT

    name: Label
    settings: dict[str, Any] = Field(default_factory=dict, description="A secret given as *** stays as it was.")
    texts_per_second: float = Field(10, ge=0.01, le=sms_carriers.TEXTS_PER_SECOND_MAX)
    enabled: bool = True


class Carrier(BaseModel):
    id: int
    name: str
    type: str
    settings: dict[str, Any]
    texts_per_second: float
    enabled: bool
    texts_path: str = Field(description="Where it tells texts; below the address of this server. Secret.")
    receipts_path: str


class NumberTexting(BaseModel):
    model_config = SENT

    carrier_id: int | None = Field(ge=1, lt=2**63)
    text_url: str = Field("", max_length=2_000, description="Gets a POST for each text that arrives.")
    text_deployment_id: int | None = Field(
        None, ge=1, lt=2**63, description="Its application answers the texts that arrive, in place of text_url."
    )
    text_wait_s: float = Field(
        WAIT_S, ge=60, le=sms_carriers.WAIT_S_MAX, description="How long the application waits for an answer."
    )
    texts_joined: bool = Field(False, description="A phone joins the parts of a long text (153 and 67 characters).")
    texts_per_second: float | None = Field(None, ge=0.01, le=1000)


class NewMessage(BaseModel):
    """A text to be sent."""

    model_config = SENT

    sender: str = Field(max_length=50, description="A number of the account that sends texts.")
    to: str = Field(max_length=50)
    body: str = Field(min_length=1, max_length=sms.BODY_MAX, description="At most 20 messages.")
    result_url: str = Field("", max_length=2_000, description="Gets a POST at each change of its status.")


class Message(BaseModel):
    sms_message_id: str
    direction: str
    to: str
    sender: str
    body: str
    part: int
    parts: int
    status: str
    delivery: str
    cause: str = Field(description="Why it failed, or why it is in doubt.")
    requested_at: float
    responded_at: float | None


class Messages(BaseModel):
    """The messages that a text has become, in order."""

    messages: list[Message]


class Consent(BaseModel):
    id: int
    theirs: str
    ours: str
    stopped: bool
    word: str
    at: float


def _carrier(row: OwnedCarrier) -> Carrier:
    base = f"/carriers/{row.id}/{row.token}"
    return Carrier(
        id=row.id, name=row.name, type=row.type, settings=sms_carriers.shown(row), texts_per_second=row.texts_per_second,
        enabled=row.enabled, texts_path=f"{base}/texts", receipts_path=f"{base}/receipts",
    )  # fmt: skip


@router.post("/carriers", status_code=201, response_model=Created, summary="Add a carrier")
async def add_carrier(body: NewCarrier, request: Request, scope: Asker, db: Db) -> Response:
    """Add an account with a carrier of texts; numbers send by it once they are told to."""

    async def act() -> Created:
        return Created(id=await sms_carriers.create(db, scope, **body.model_dump()))

    return await once(request, db, scope, act)


@router.get("/carriers", summary="List carriers")
async def listed_carriers(scope: Asker, db: Db) -> list[Carrier]:
    return [_carrier(row) for row in await sms_carriers.listed(db, scope)]


@router.put("/carriers/{carrier_id}", status_code=204, summary="Change a carrier")
async def change_carrier(carrier_id: int, body: ChangedCarrier, scope: Asker, db: Db) -> None:
    await sms_carriers.update(db, scope, carrier_id, **body.model_dump())


@router.put("/numbers/{number_id}/texting", status_code=204, summary="Say how the texts of a number go")
async def set_texting(number_id: int, body: NumberTexting, scope: Asker, db: Db) -> None:
    """By which carrier, and where texts that arrive are posted. Texts that wait go by the new carrier."""
    await sms_carriers.set_texting(db, scope, number_id if 0 < number_id < 2**63 else 0, Texting(**body.model_dump()))


@router.post("/messages", status_code=201, response_model=Messages, summary="Send a text")
async def send(body: NewMessage, request: Request, scope: Asker, db: Db) -> Response:
    """Queue a text. One that is refused, as by a recipient who has stopped them, is answered as well: its `status` is failure."""
    if body.result_url and not is_http_url(body.result_url):
        raise RequestError(400, "result_url is not a valid URL.", field="result_url")

    async def act() -> Messages:
        rows = await sms.queue(db, scope, **body.model_dump())
        return Messages(messages=[_message(row) for row in rows])

    return await once(request, db, scope, act)


@router.get("/messages", summary="List messages")
async def messages(
    scope: Asker,
    db: Db,
    limit: Limit = PAGE_DEFAULT,
    offset: Annotated[int, Query(ge=0, lt=2**31)] = 0,
    number: Annotated[str, Query(max_length=20, pattern="^[0-9]*$", description="Only from or to this number.")] = "",
) -> list[Message]:
    """Texts sent and received, newest first."""
    either = tuple(phone_numbers.spellings(number)) if number else ()
    rows, _ = await sms.listed(db, scope, Asks(limit=limit, offset=offset, descending=True, either=either))
    return [_message(row) for row in rows]


@router.get("/messages/{sms_message_id}", summary="One message")
async def message(sms_message_id: str, scope: Asker, db: Db) -> Message:
    return _message(await sms.get(db, scope, sms_message_id))


def _message(row: SmsRow) -> Message:
    return Message(
        sms_message_id=row.message_id.hex, direction=row.direction, to=row.to, sender=row.sender, body=row.body,
        part=row.part, parts=row.parts, status=shown(row.status), delivery=row.delivery, cause=row.cause,
        requested_at=row.requested_at, responded_at=row.responded_at,
    )  # fmt: skip


@router.get("/consents", summary="Who stopped texts, and who let them come again")
async def consents(
    scope: Asker,
    db: Db,
    limit: Limit = PAGE_DEFAULT,
    after: After = 0,
    number: Annotated[str, Query(max_length=20, pattern="^[0-9]*$", description="Only words of this number.")] = "",
) -> list[Consent]:
    """Every word that stopped texts or let them come again: who, when, which word, to which number. The last one holds."""
    found = await sms.consents(db, scope, theirs=number, after=after, limit=limit)
    return [
        Consent(id=id, theirs=one.theirs, ours=one.ours, stopped=one.stopped, word=one.word, at=one.at)
        for id, one in found
    ]
