"""Texts: queued by clients, answered to, received from handsets, and stopped by a word."""

import re
import secrets
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from callwright.base import phone_numbers
from callwright.base.errors import AuthorError, NotFound, PeerError, RequestError
from callwright.ports.carrier import Answer, Receipt, ReceivedText, Taken
from callwright.ports.line_types import LineTypes
from callwright.providers.line_types.numbering_plans import NumberingPlans
from callwright.services import public_ids
from callwright.session.redaction import PRIVATE
from callwright.sms import keywords, replies
from callwright.sms.replies import Reply
from callwright.sms.segments import Segments, split
from callwright.store import sms as store
from callwright.store import sms_counts, sms_parts, text_sessions
from callwright.store import sms_sending as sending
from callwright.store.database import Connection, Database
from callwright.store.gathering import gathered
from callwright.store.scope import PLATFORM, Scope
from callwright.store.sealing import Sealer
from callwright.store.sms import Consent, NewText, Query, SmsNumber, SmsRow
from callwright.store.sms_sending import NOT_MOBILE, CarrierRow, Changed, DueText

DELIVERY_S = 7 * 86400.0
"How long a message's delivery is shown (document *SMS API*, Statuses Explained)."

BODY_MAX = 10_000
"Characters that are looked at; what is one text at most is the segments' to say."

UNSUBSCRIBED = "Attempt to send to unsubscribed recipient"
NOT_MOBILE_NUMBER = "To number: +{to}, is not a mobile number"
LANDLINE = f"{NOT_MOBILE}its numbering plan says so"
LINE_TYPES: LineTypes = NumberingPlans()
NO_CARRIER = "the number has no carrier"
SEALED_TEXT = "text"
"Purpose of the seal of a private text."

_TO = re.compile(r"\+?[0-9]{7,15}")


@dataclass(frozen=True, slots=True)
class Draft:
    """A text that was checked, and may be sent."""

    number: SmsNumber
    to: str
    "Digits with the country's code."

    segments: Segments
    result_url: str = ""
    sealer: Sealer | None = None
    "Set where what it says is private: it is kept sealed until its carrier has it, and shown to nobody."

    confirms: bool = False
    "It answers the word by which somebody stopped texts, and goes out all the same."

    message_id: uuid.UUID = field(default_factory=uuid.uuid4)
    "Of its first message."


async def draft(
    db: Database, scope: Scope, *, sender: str, to: str, body: str, result_url: str = "", private: bool = False
) -> Draft:
    """Check a text. Raises `RequestError`."""
    recipient = recipient_of(to)
    if not body.strip():
        raise RequestError(400, "body is missing.", field="body")
    if len(body) > BODY_MAX:
        raise RequestError(400, f"body must not be longer than {BODY_MAX} characters.", field="body")
    number = await store.number(db, scope, phone_numbers.spellings(_plain(sender)))
    if number is None:
        raise RequestError(400, "from is not an SMS number of this account", field="from")
    try:
        segments = split(body, concatenated=number.texts_joined)
    except AuthorError as error:
        raise RequestError(400, f"body is too long: {error}.", field="body") from None
    return Draft(number, recipient, segments, result_url, db.sealer if private else None)


async def queue(
    db: Database,
    scope: Scope,
    *,
    sender: str,
    to: str,
    body: str,
    result_url: str = "",
    refuse: bool = False,
    private: bool = False,
) -> list[SmsRow]:
    """Queue a text; one row for each message that it becomes, in order.

    A text to somebody who has stopped them is kept as failed, and told as document *SMS API* says; with `refuse` it is a
    `RequestError` instead, as older clients have it.
    """
    text = await draft(db, scope, sender=sender, to=to, body=body, result_url=result_url, private=private)
    async with db.transaction() as connection:
        if refuse and await store.is_blocked(connection, scope, text.number, text.to):
            raise RequestError(400, UNSUBSCRIBED, field="to")
        return await send(connection, scope, text)


def recipient_of(to: str) -> str:
    """Whom a text goes to, as digits with the country's code. Raises `RequestError`."""
    stripped = _plain(to)
    if not _TO.fullmatch(stripped):
        raise RequestError(400, "to is missing or invalid.", field="to")
    return phone_numbers.dialled(stripped)


def _plain(number: str) -> str:
    """A number without what people write between its digits."""
    return re.sub(r"[\s().-]", "", number)


async def send(connection: Connection, scope: Scope, text: Draft) -> list[SmsRow]:
    """Queue a text that was checked; its messages, which have failed where it is refused."""
    now = time.time()
    number = text.number
    cause = await refused(connection, scope, text)
    rows = await store.insert(
        connection, scope, number, direction="outbound", theirs=text.to, result_url=text.result_url, now=now,
        texts=_parts(text, cause),
    )  # fmt: skip
    if cause:
        for row in rows:
            await _tell(
                connection,
                Changed(
                    row.id,
                    number.account_id,
                    row.message_id.hex,
                    text.to,
                    text.result_url,
                    row.status,
                    row.delivery,
                    cause,
                ),
            )
    return rows


async def refused(on: Connection, scope: Scope, text: Draft) -> str:
    """Why the text would not be sent; empty where it would."""
    if not text.confirms and await store.is_blocked(on, scope, text.number, text.to):
        return UNSUBSCRIBED
    if text.number.carrier_id is None:
        return NO_CARRIER
    return LANDLINE if LINE_TYPES.of(text.to) == "landline" else ""


def _parts(text: Draft, cause: str) -> list[NewText]:
    group, reference = uuid.uuid4(), secrets.randbelow(1 << 16)
    segments, sealer = text.segments, text.sealer
    return [
        NewText(
            group,
            part,
            len(segments.parts),
            body if sealer is None else PRIVATE,
            segments.encoding,
            reference,
            segments.concatenated,
            "failure" if cause else "queued",
            "undelivered" if cause else "",
            cause,
            message_id=text.message_id if part == 1 else uuid.uuid4(),
            sealed=sealer.seal(body.encode(), SEALED_TEXT) if sealer is not None and not cause else None,
        )
        for part, body in enumerate(segments.parts, 1)
    ]


# -- what carriers say -------------------------------------------------------------------------------


async def carriers(db: Database) -> list[CarrierRow]:
    return await sending.carriers(db, PLATFORM)


async def carrier(db: Database, carrier_id: int, token: str) -> CarrierRow:
    """The carrier that tells us something, by its URL. Raises `NotFound`."""
    found = await sending.carrier(db, PLATFORM, carrier_id)
    if found is None or not secrets.compare_digest(found.token.encode(), token.encode()):
        raise NotFound("carrier")
    return found


async def claim(db: Database, carrier_id: int, *, whole: bool, limit: int) -> list[DueText]:
    """Texts to be handed over now, with what they say in clear."""
    due = await sending.claim(db, PLATFORM, carrier_id, whole=whole, limit=limit, now=time.time())
    return [text if not any(text.sealed) else replace(text, bodies=_opened(db.sealer, text)) for text in due]


def _opened(sealer: Sealer, text: DueText) -> tuple[str, ...]:
    pairs = zip(text.bodies, text.sealed, strict=True)
    return tuple(body if sealed is None else sealer.unseal(sealed, SEALED_TEXT).decode() for body, sealed in pairs)


async def next_due(db: Database, carrier_id: int) -> float | None:
    return await sending.next_due(db, PLATFORM, carrier_id)


async def answered(db: Database, carrier_id: int, text: DueText, answer: Answer) -> None:
    """Keep what a carrier said of a text, and tell it to who wants to know."""
    if isinstance(answer, Taken):
        # The usual answer: what comes at the same time is kept together.
        await gathered(db, _taken, carrier_id, (text.ids, answer.carrier_message_id))
        return
    async with db.transaction() as connection:
        await _tell_all(
            connection, await sending.answered(connection, PLATFORM, carrier_id, text.ids, answer, time.time())
        )


async def _taken(db: Database, carrier_id: int, answers: Sequence[tuple[Sequence[int], str]]) -> Sequence[None]:
    async with db.transaction() as connection:
        await _tell_all(connection, await sending.taken(connection, PLATFORM, carrier_id, answers, time.time()))
    return [None] * len(answers)


async def lapse(db: Database) -> None:
    """Messages whose sender has gone are in doubt from now on; texts that have waited long for a part are taken without it."""
    async with db.transaction() as connection:
        await _tell_all(connection, await sending.lapse(connection, PLATFORM, time.time()))
    async with db.transaction() as connection:
        for carrier_id, text in await sms_parts.lapse(connection, PLATFORM, db.sealer, time.time()):
            await _receive(db, connection, carrier_id, text)


async def count(db: Database) -> None:
    """Count texts that have not been, so that long lists of them are as quick as short ones."""
    more = True
    while more:
        async with db.transaction() as connection:
            more = await sms_counts.roll_up(connection, PLATFORM, time.time())


async def told(db: Database, carrier_id: int, what: Receipt | ReceivedText) -> bool:
    """Keep what a carrier tells. When this returns it is kept, and the carrier need not tell it again.

    False: a text to a number that does not send by this carrier, which nobody would see.
    """
    if isinstance(what, Receipt):
        await gathered(db, _receipts, carrier_id, what)
        return True
    async with db.transaction() as connection:
        return await _receive(db, connection, carrier_id, what)


async def _receipts(db: Database, carrier_id: int, told: Sequence[Receipt]) -> Sequence[None]:
    async with db.transaction() as connection:
        await _tell_all(connection, await sending.receipts(connection, PLATFORM, carrier_id, told, time.time()))
    return [None] * len(told)


async def _receive(db: Database, connection: Connection, carrier_id: int, text: ReceivedText) -> bool:
    number = await store.number_of_carrier(connection, PLATFORM, carrier_id, phone_numbers.spellings(text.to))
    if number is None:
        return False
    now = time.time()
    body = text.body.replace("\0", "\ufffd")[:BODY_MAX]
    if text.parts > 1:
        part = replace(text, body=body)
        for whole in await sms_parts.add(connection, PLATFORM, db.sealer, carrier_id, part, now):
            await _receive(db, connection, carrier_id, whole)
        return True
    answered = number.text_deployment_id is not None
    if answered:
        await text_sessions.lock_pair(connection, PLATFORM, number.id, text.sender)
    blocked = await store.is_blocked(connection, PLATFORM, number, text.sender)
    asked = keywords.keyword(body)
    if answered and not blocked and body.strip().upper() == keywords.AGREES:
        # To an application it is an answer, and there is nothing to start again.
        asked = None
    hidden = (
        answered and asked is None and await text_sessions.may_be_private(connection, PLATFORM, number.id, text.sender)
    )
    kept = NewText(
        uuid.uuid4(),
        1,
        1,
        PRIVATE if hidden else body,
        "",
        status="received",
        carrier_message_id=text.carrier_message_id,
    )
    rows = await store.insert(
        connection, PLATFORM, number, direction="inbound", theirs=text.sender, result_url="", now=now, texts=[kept],
        carrier_id=carrier_id,
    )  # fmt: skip
    if not rows:
        return True
    if asked in ("stop", "start"):
        await store.consent(connection, PLATFORM, number, text.sender, asked == "stop", body.strip().upper(), now)
    if asked is not None:
        confirmation = split(keywords.ANSWERS[asked])
        await send(connection, PLATFORM, Draft(number, text.sender, confirmation, confirms=asked != "start"))
    if answered and asked == "stop":
        await text_sessions.enqueue(connection, PLATFORM, number, text.sender, "stop", now)
    elif answered and asked is None and not blocked:
        sealed = db.sealer.seal(body.encode(), SEALED_TEXT)
        await text_sessions.enqueue(
            connection, PLATFORM, number, text.sender, "text", now, sms_id=rows[0].id, body=sealed
        )
    elif asked != "help" and number.text_url:
        await _hand_on(connection, number, rows[0])
    return True


async def _hand_on(connection: Connection, number: SmsNumber, text: SmsRow) -> None:
    """Have the text posted to the number's application URL, whose answer may hold texts to be sent (`reply`)."""
    fields = {
        "sms_message_id": text.message_id.hex,
        "to": phone_numbers.dialled(number.address),
        "from": text.theirs,
        "body": text.body,
    }
    changed = Changed(text.id, number.account_id, text.message_id.hex, text.theirs, "", "received", "", "")
    await sending.post(connection, PLATFORM, changed, number.text_url, fields, as_json=False, reads_reply=True)


async def reply(db: Database, sms_id: int, answer: bytes) -> str:
    """Send the texts that an application URL's answer holds. What is wrong with it, or an empty string; what was right before
    it is sent all the same. A second answer to the same text is not taken: its sender had died before it was told."""
    async with db.transaction() as connection:
        found = await store.take_reply(connection, PLATFORM, sms_id)
        if found is None:
            return ""
        number, text = found
        try:
            texts = replies.parse(answer)
        except PeerError as error:
            return str(error)
        scope = Scope(number.account_id, number.user_id, "plum")
        for one in texts:
            problem = await _reply(connection, scope, number, text, one)
            if problem:
                return problem
    return ""


async def _reply(connection: Connection, scope: Scope, number: SmsNumber, text: SmsRow, one: Reply) -> str:
    sender = number
    if one.sender:
        found = await store.number(connection, scope, phone_numbers.spellings(one.sender))
        if found is None:
            return f"from={one.sender!r} is not an SMS number of this account"
        sender = found
    try:
        segments = split(one.body, concatenated=sender.texts_joined)
        recipients = [recipient_of(to) for to in one.to] or [text.theirs]
    except (AuthorError, RequestError) as error:
        return str(error)
    for to in recipients:
        await send(connection, scope, Draft(sender, to, segments, one.result_url))
    return ""


async def _tell_all(connection: Connection, changes: Sequence[Changed]) -> None:
    for changed in changes:
        await _tell(connection, changed)


async def _tell(connection: Connection, changed: Changed) -> None:
    """To the message's result_url; and a refusal to the account, by URL and mail (document *SMS API*, Special
    Notifications)."""
    if changed.result_url and changed.status != "queued":
        fields = {"sms_message_id": changed.message_id, "status": changed.status}
        if changed.delivery:
            fields["delivery_status"] = changed.delivery
        await sending.post(connection, PLATFORM, changed, changed.result_url, fields, as_json=False)
    error = refusal(changed.cause, changed.to)
    if error:
        for url in await sending.notified(connection, PLATFORM, changed.account_id):
            await sending.post(connection, PLATFORM, changed, url, {"status": "failure", "error": error}, as_json=True)


def refusal(cause: str, to: str) -> str:
    """The words of document *SMS API* for a text that was refused; empty where it was not, or for another reason."""
    if cause == UNSUBSCRIBED:
        return UNSUBSCRIBED
    return NOT_MOBILE_NUMBER.format(to=to) if cause.startswith(NOT_MOBILE) else ""


# -- what clients read -------------------------------------------------------------------------------


async def get(db: Database, scope: Scope, message_id: str) -> SmsRow:
    found = await store.get(db, scope, public_ids.parse(message_id, "message"))
    if found is None:
        raise NotFound("message")
    return found


async def listed(db: Database, scope: Scope, query: Query) -> tuple[list[SmsRow], int]:
    return await store.listed(db, scope, query)


async def consents(db: Database, scope: Scope, *, theirs: str, after: int, limit: int) -> list[tuple[int, Consent]]:
    return await store.consents(db, scope, theirs=theirs, after=after, limit=limit)
