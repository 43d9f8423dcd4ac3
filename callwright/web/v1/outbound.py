"""Queue an outbound call: to a number, as Plum's surface does, or to a telephone of the account."""

import json
import time
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from callwright.base import phone_numbers
from callwright.base.errors import RequestError
from callwright.providers.http import is_http_url
from callwright.services import deployments, outbound
from callwright.store.outbound import NewCall
from callwright.web.v1 import models
from callwright.web.v1.deps import Asker, Db
from callwright.web.v1.idempotency import once

router = APIRouter(tags=["Calls"])

METADATA_BYTES_MAX = 64 << 10
"As Plum's surface takes them."

Moment = Annotated[float, Field(ge=0, le=1e11)]


class NewOutboundCall(BaseModel):
    """A call that is dialled when it is due, and again where nobody answers."""

    model_config = ConfigDict(extra="forbid")

    deployment_id: Annotated[int, Field(ge=1, lt=2**63)] = Field(description="What it runs.")
    to: Annotated[str, Field(max_length=phone_numbers.TEXT_MAX)] = Field(
        description="A number, as Plum's `phone_number`; or `sip:NAME@callwright`, a phone of the account, by name or extension."
    )
    metadata: dict[str, Any] = Field(default_factory=dict, description="Variables that it begins with; 64 KiB of JSON.")
    start_at: Moment | None = Field(None, description="UNIX seconds; none: now.")
    end_at: Moment | None = Field(None, description="Not dialled after this.")
    max_attempts: Annotated[int, Field(ge=1, le=10)] = 1
    reattempt_wait_s: Annotated[int, Field(ge=60, le=86_400)] = 300
    result_url: Annotated[str, Field(max_length=2_000)] = ""
    is_pci: bool = False
    sip_headers: dict[str, str] = Field(
        default_factory=dict,
        description="Of its INVITE: `User-to-User` and names that begin with `X-`, 20 at most, 4,000 characters in all values.",
    )


@router.post("/outbound", status_code=201, response_model=models.Created, summary="Queue an outbound call")
async def queue(body: NewOutboundCall, request: Request, scope: Asker, db: Db) -> Response:
    """A phone has one call of the queue at a time; the others wait. One that is registered nowhere counts as unreachable, and is
    dialled again."""
    number = phone_numbers.telephone(body.to) or phone_numbers.parse(body.to)
    if number is None:
        raise RequestError(400, "Neither a phone number nor sip:NAME@callwright.", field="to")
    if len(json.dumps(body.metadata)) > METADATA_BYTES_MAX:
        raise RequestError(400, f"At most {METADATA_BYTES_MAX} bytes of JSON.", field="metadata")
    if body.end_at is not None and body.end_at <= (body.start_at if body.start_at is not None else time.time()):
        raise RequestError(400, "Must be after start_at, and in the future.", field="end_at")
    if body.result_url and not (body.result_url.isprintable() and is_http_url(body.result_url)):
        raise RequestError(400, "Must be an HTTP or HTTPS URL.", field="result_url")
    call = NewCall(
        number,
        body.metadata,
        body.start_at,
        body.end_at,
        body.max_attempts,
        body.reattempt_wait_s,
        body.result_url,
        body.is_pci,
        sip_headers=body.sip_headers,
    )

    async def queued() -> models.Created:
        deployment = await deployments.get(db, scope, body.deployment_id)
        return models.Created(id=await outbound.queue_call(db, scope, deployment, call))

    return await once(request, db, scope, queued)
