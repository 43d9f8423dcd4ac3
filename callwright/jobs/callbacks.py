"""Delivers result_url posts, and what accounts are told by URL or mail: signed, tried three times, every try kept.

The signature is that of Standard Webhooks: `webhook-id`, `webhook-timestamp`, and `webhook-signature` with the
HMAC-SHA256 of `id.timestamp.body` under the account's secret.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import time
from urllib.parse import urlencode

from callwright.base.errors import ProviderError
from callwright.jobs import metrics
from callwright.providers.http import GuardedClient
from callwright.providers.mail.smtp import Mailer
from callwright.services import call_details, callbacks, outbound, sms
from callwright.services.callbacks import CallbackTry, DueCallback
from callwright.store.database import FAILURES, Database
from callwright.store.scope import PLATFORM
from callwright.store.waking import nap

log = logging.getLogger(__name__)

AT_ONCE = 20
"Posts in flight; a slow receiver holds one of these for ten seconds."

TRY_S_MAX = 10.0
REPLY_BYTES_MAX = 64 << 10
IDLE_S_MAX = 5.0
MAILTO = "mailto:"
MAIL_TAKEN = 250
"SMTP's for a mail that it will deliver (RFC 5321, 4.2.3)."

SUBJECT = "A text was refused"
FORM = "application/x-www-form-urlencoded"


class Callbacks:
    """The job. `run` works until cancelled; `wake` ends its nap."""

    def __init__(self, db: Database, http: GuardedClient, mailer: Mailer) -> None:
        self._db = db
        self._http = http
        self._mailer = mailer
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        while True:
            try:
                worked = await self._round()
                wait_s = 0.0 if worked else await self._until_next()
            except FAILURES as error:
                log.warning("callbacks wait for the database: %s", error)
                wait_s = IDLE_S_MAX
            if wait_s:
                await nap(self._woken, wait_s)

    async def _until_next(self) -> float:
        due = await callbacks.next_due(self._db)
        return IDLE_S_MAX if due is None else min(max(due - time.time(), 0.01), IDLE_S_MAX)

    async def _round(self) -> bool:
        due = await callbacks.claim(self._db, limit=AT_ONCE, now=time.time())
        async with asyncio.TaskGroup() as tries:
            for callback in due:
                tries.create_task(self._deliver(callback))
        return bool(due)

    async def _deliver(self, callback: DueCallback) -> None:
        """One try. Without the database it is made again when its lease has run out, under the same id."""
        try:
            await self._try(callback)
        except FAILURES as error:
            log.warning("result_url post %d waits for the database: %s", callback.id, error)

    async def _try(self, callback: DueCallback) -> None:
        begun = time.monotonic()
        status, error = None, ""
        try:
            if callback.url.startswith(MAILTO):
                status = await self._mail(callback)
            else:
                status, error = await self._post(callback)
        except ProviderError as problem:
            error = str(problem)
        made = CallbackTry(callback.number, time.time(), status, error, round((time.monotonic() - begun) * 1000))
        state = await callbacks.record(self._db, callback, made, now=time.time())
        metrics.POSTS.labels(state).inc()
        of = f"call {callback.outbound_call_id}" if callback.sms_id is None else f"text {callback.sms_id}"
        log.info("post of %s, try %d: %s (%s)", of, callback.number, state, error or status)

    async def _post(self, callback: DueCallback) -> tuple[int, str]:
        """Status, and what is wrong with the answer. Raises `ProviderError`."""
        body, media_type = await self._content(callback)
        headers = [
            ("Content-Type", media_type),
            *sign(callback.webhook_secret, f"msg_{callback.id}", int(time.time()), body),
        ]
        reply = await self._http.request(
            "POST", callback.url, headers=headers, content=body, timeout_s=TRY_S_MAX, max_bytes=REPLY_BYTES_MAX
        )
        if callback.reads_reply and callback.sms_id is not None and 200 <= reply.status < 300:
            return reply.status, await sms.reply(self._db, callback.sms_id, reply.body)
        return reply.status, ""

    async def _mail(self, callback: DueCallback) -> int:
        """The reply of the mail server. Raises `ProviderError`."""
        assert callback.fields is not None
        await self._mailer.send([callback.url.removeprefix(MAILTO)], SUBJECT, callback.fields["error"])
        return MAIL_TAKEN

    async def _content(self, callback: DueCallback) -> tuple[bytes, str]:
        """Body and media type."""
        if callback.fields is not None:
            if callback.fields_json:
                return json.dumps(callback.fields).encode(), "application/json"
            return urlencode(callback.fields).encode(), FORM
        assert callback.outbound_call_id is not None
        call = await outbound.details(self._db, PLATFORM, callback.outbound_call_id)
        fields = call_details.posted(call)
        if call.result_url_json:
            return json.dumps(fields).encode(), "application/json"
        return urlencode(call_details.as_form(fields)).encode(), FORM


def sign(secret: bytes, message_id: str, timestamp: int, body: bytes) -> list[tuple[str, str]]:
    """The three headers of Standard Webhooks."""
    signed = hmac.digest(secret, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return [
        ("webhook-id", message_id),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", f"v1,{base64.b64encode(signed).decode()}"),
    ]
