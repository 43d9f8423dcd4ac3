"""Queue a call or a file of them, ask where one stands, cancel what waits.

docs/compatibility: fuse-queue-call, fuse-queue-calls, fuse-call-status, fuse-cancel.
"""

import io
import time
from collections.abc import Mapping
from typing import TypedDict

from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect

from callwright.base import phone_numbers
from callwright.base.contacts import ContactsError
from callwright.base.errors import RequestError
from callwright.base.values import Value
from callwright.providers.http import is_http_url
from callwright.services import call_details, deployments, outbound
from callwright.store.deployments import DeploymentRow
from callwright.store.outbound import NewCall
from callwright.web.plum import texts
from callwright.web.plum.endpoint import Asked, Reply
from callwright.web.plum.fields import (
    body_of,
    given,
    integer,
    json_object,
    media_type,
    opened_form,
    path_id,
    texts_of,
    timestamp,
)

METADATA_BYTES_MAX = 64 << 10
RESULT_URL_MAX = 2_000
DEFAULT_WAIT_S = 300


async def queue(asked: Asked) -> Reply:
    deployment = await _deployment(asked, "queue calls for this deployment")
    fields = await body_of(asked.request)
    number = phone_numbers.parse(given(fields, "phone_number"))
    if number is None:
        raise RequestError(400, texts.PHONE_NUMBER, field="phone_number")
    metadata = given(fields, "metadata")
    call = NewCall(number, json_object(metadata, METADATA_BYTES_MAX) if metadata else {}, **_plan(fields))
    call_id = await outbound.queue_call(asked.db, asked.scope, deployment, call)
    link = f'<{asked.base_url}/api/outbound/{call_id}>; rel="status"'
    return Reply({"call_id": call_id}, headers={"Link": link})


async def bulk_queue(asked: Asked) -> Reply:
    deployment = await _deployment(asked, "queue calls for this deployment")
    request = asked.request
    if media_type(request) not in ("multipart/form-data", ""):
        raise RequestError(415, texts.MEDIA_TYPE)
    async with opened_form(request) as form:
        csv = form.get("csv")
        if not csv:
            raise RequestError(400, texts.CSV_MISSING, field="csv")
        file = csv.file if isinstance(csv, UploadFile) else io.BytesIO(csv.encode())
        plan = _plan(texts_of(form))

        async def still_there() -> None:
            if await request.is_disconnected():
                raise ClientDisconnect

        try:
            async with request.app.state.bulk_turn:
                ids = await outbound.queue_calls(
                    asked.db,
                    asked.scope,
                    deployment,
                    file,
                    lambda contact: NewCall(contact.number, contact.variables, **plan),
                    confirm=still_there,
                )
        except ContactsError as error:
            raise RequestError(400, texts.of_contacts(error), field="csv") from None
    return Reply({"call_ids": list[Value](ids)})


async def _deployment(asked: Asked, action: str) -> DeploymentRow:
    return await deployments.for_outbound(
        asked.db,
        asked.scope,
        application_id=path_id(asked.request, "application_id"),
        deployment_id=path_id(asked.request, "deployment_id"),
        action=action,
    )


class Plan(TypedDict):
    """What a request says of its calls beside whom they are to and what they are about."""

    start_at: float | None
    end_at: float | None
    max_attempts: int
    reattempt_wait_s: int
    result_url: str
    is_pci: bool


def _plan(fields: Mapping[str, object]) -> Plan:
    """The checked fields. A field that Plum does not know is ignored, as PHP does."""
    start_at, end_at = timestamp(fields, "start_timestamp"), timestamp(fields, "end_timestamp")
    if end_at is not None and end_at <= (start_at if start_at is not None else time.time()):
        raise RequestError(400, texts.END_BEFORE_START, field="end_timestamp")
    attempts = integer(given(fields, "max_attempts") or "1", 1, 10, texts.MAX_ATTEMPTS, field="max_attempts")
    wait = given(fields, "reattempt_wait")
    if attempts > 1 and not wait:
        raise RequestError(400, texts.REATTEMPT_WAIT_MISSING, field="reattempt_wait")
    result_url = given(fields, "result_url")
    if result_url and (len(result_url) > RESULT_URL_MAX or not is_http_url(result_url)):
        raise RequestError(400, texts.RESULT_URL, field="result_url")
    return Plan(
        start_at=start_at,
        end_at=end_at,
        max_attempts=attempts,
        reattempt_wait_s=integer(wait or str(DEFAULT_WAIT_S), 60, 86_400, texts.REATTEMPT_WAIT, field="reattempt_wait"),
        result_url=result_url,
        is_pci=bool(integer(given(fields, "is_pci") or "0", 0, 1, texts.IS_PCI, field="is_pci")),
    )


async def status(asked: Asked) -> Reply:
    call = await outbound.details(asked.db, asked.scope, path_id(asked.request, "call_id"))
    return Reply({"call_details": call_details.as_plum(call)})


async def cancel(asked: Asked) -> Reply:
    deployment = await _deployment(asked, "cancel calls for this deployment")
    await outbound.cancel_pending(asked.db, asked.scope, deployment)
    return Reply(None, 202)
