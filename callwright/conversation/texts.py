"""Texts that a program sends in the middle of a call."""

from callwright.base.errors import RequestError
from callwright.services import sms
from callwright.session.commands import SendText
from callwright.store.database import Database
from callwright.store.scope import Scope


async def send_text(db: Database, scope: Scope, command: SendText) -> str:
    """Queue the text; the `sms_message_id` of its first part. Raises `RequestError` with the reason where it is refused: then it
    is kept as failed, and told to whom such things are told."""
    rows = await sms.queue(db, scope, sender=command.sender, to=command.to, body=command.body, private=command.private)
    refused = next((row for row in rows if row.status == "failure"), None)
    if refused is not None:
        raise RequestError(400, sms.refusal(refused.cause, refused.to) or refused.cause)
    return rows[0].message_id.hex
