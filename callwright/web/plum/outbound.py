"""Queue a call, ask where it stands, cancel what waits (docs/compatibility: fuse-queue-call, fuse-call-status, fuse-cancel)."""

import time
from collections.abc import Mapping

from callwright.base import phone_numbers
from callwright.base.errors import RequestError
from callwright.providers.http import is_http_url
from callwright.services import call_details, deployments, outbound
from callwright.store.outbound import NewCall
from callwright.web.plum import texts
from callwright.web.plum.endpoint import Asked, Reply
from callwright.web.plum.fields import body_of, given, integer, json_object, path_id, timestamp

METADATA_BYTES_MAX = 64 << 10
RESULT_URL_MAX = 2_000
DEFAULT_WAIT_S = 300


async def queue(asked: Asked) -> Reply:
    request = asked.request
    deployment = await deployments.for_outbound(
        asked.db,
        asked.scope,
        application_id=path_id(request, "application_id"),
        deployment_id=path_id(request, "deployment_id"),
        action="queue calls for this deployment",
    )
    call = _new_call(await body_of(request))
    call_id = await outbound.queue_call(asked.db, asked.scope, deployment, call)
    link = f'<{request.base_url}api/outbound/{call_id}>; rel="status"'
    return Reply({"call_id": call_id}, headers={"Link": link})


def _new_call(fields: Mapping[str, object]) -> NewCall:
    """The checked fields. A field that Plum does not know is ignored, as PHP does."""
    number = phone_numbers.parse(given(fields, "phone_number"))
    if number is None:
        raise RequestError(400, texts.PHONE_NUMBER, field="phone_number")
    start_at, end_at = timestamp(fields, "start_timestamp"), timestamp(fields, "end_timestamp")
    if end_at is not None and end_at <= (start_at if start_at is not None else time.time()):
        raise RequestError(400, texts.END_BEFORE_START, field="end_timestamp")
    attempts = integer(given(fields, "max_attempts") or "1", 1, 10, texts.MAX_ATTEMPTS, field="max_attempts")
    wait = given(fields, "reattempt_wait")
    if attempts > 1 and not wait:
        raise RequestError(400, texts.REATTEMPT_WAIT_MISSING, field="reattempt_wait")
    metadata = given(fields, "metadata")
    result_url = given(fields, "result_url")
    if result_url and (len(result_url) > RESULT_URL_MAX or not is_http_url(result_url)):
        raise RequestError(400, texts.RESULT_URL, field="result_url")
    return NewCall(
        number=number,
        metadata=json_object(metadata, METADATA_BYTES_MAX) if metadata else {},
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
    deployment = await deployments.for_outbound(
        asked.db,
        asked.scope,
        application_id=path_id(asked.request, "application_id"),
        deployment_id=path_id(asked.request, "deployment_id"),
        action="cancel calls for this deployment",
    )
    await outbound.cancel_pending(asked.db, asked.scope, deployment)
    return Reply(None, 202)
