"""Calls with their logs and recordings, outbound calls, and one's own key."""

import math
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse

from callwright.base.errors import NotFound
from callwright.services import accounts, call_details, callbacks, calls, outbound
from callwright.session.lines import lines
from callwright.session.transcript import transcript
from callwright.store.calls import CallRow, Page
from callwright.store.scope import Scope
from callwright.web.v1 import models
from callwright.web.v1.deps import PAGE_DEFAULT, Asker, Db, Limit, Settings

router = APIRouter(tags=["Calls"])

Moment = Annotated[float, Query(ge=0, le=1e11, description="UNIX seconds.")]
Offset = Annotated[int, Query(ge=0, le=10_000_000)]


@router.get("/calls", summary="List calls")
async def listed(
    scope: Asker, db: Db, start: Moment = 0, end: Moment = 1e11, limit: Limit = PAGE_DEFAULT, offset: Offset = 0
) -> list[models.Call]:
    """Calls that have ended, newest first."""
    page = Page(math.ceil(start), math.ceil(end), limit=limit, offset=offset)
    found, _ = await calls.listed(db, scope, page)
    return [models.Call.model_validate(call) for call in found]


@router.get("/calls/{session_id}", summary="One call with its log")
async def get(session_id: str, request: Request, scope: Asker, db: Db) -> models.CallWithLog:
    """One call: its log line by line, as a transcript, and where its recording is."""
    call = await calls.get(db, scope, session_id.replace("\0", ""))
    entries = await calls.journal(db, scope, call) if call.has_log else []
    url = str(request.url_for("recording", session_id=call.session_id)) if call.recording else None
    return models.CallWithLog(
        **models.Call.model_validate(call).model_dump(),
        variables=await outbound.metadata(db, scope, call.outbound_call_id)
        if entries and call.outbound_call_id
        else {},
        transcript=transcript(entries) if entries else "",
        log=[models.LogLine(at=one.at, level=one.level, line=one.line, data=one.data) for one in lines(entries)],
        recording_url=url,
    )


@router.get("/calls/{session_id}/recording", name="recording", summary="The recording of a call")
async def recording(session_id: str, scope: Asker, db: Db, config: Settings) -> FileResponse:
    """Both sides as a stereo WAV: left the far end, right what it heard."""
    call = await calls.get(db, scope, session_id.replace("\0", ""))
    path = config.recordings_dir / call.recording
    if not call.recording or not path.is_file():
        raise NotFound("recording")
    return FileResponse(path, media_type="audio/wav", filename=path.name)


@router.get("/outbound", summary="List outbound calls")
async def outbound_calls(
    scope: Asker, db: Db, limit: Limit = PAGE_DEFAULT, before: Annotated[int, Query(ge=1, lt=2**63)] = 2**63 - 1
) -> list[int]:
    """Ids of outbound calls, newest first."""
    return await outbound.listed(db, scope, before=before, limit=limit)


@router.get("/outbound/{call_id}", summary="One outbound call")
async def outbound_call(call_id: int, scope: Asker, db: Db) -> models.OutboundCall:
    """Where an outbound call stands: why it ended, the calls that it led to, and every try of its result_url post."""
    found = await outbound.details(db, scope, call_id if 0 < call_id < 2**63 else 0)
    tries = await callbacks.tries(db, scope, found.id)
    return models.OutboundCall(
        id=found.id,
        details=call_details.as_plum(found),
        cause=found.cause,
        callee_type=found.callee_type,
        attempts=[models.Attempt.model_validate(made) for made in await outbound.attempts(db, scope, found.id)],
        calls=[models.Call.model_validate(call) for call in await _led_to(db, scope, found.id)],
        callback_tries=[models.CallbackTry.model_validate(made) for made in tries],
    )


async def _led_to(db: Db, scope: Scope, call_id: int) -> list[CallRow]:
    return await calls.of_outbound(db, scope, call_id)


@router.post("/developer-key", status_code=201, summary="Make a new developer key")
async def rotate(scope: Asker, db: Db) -> models.DeveloperKey:
    """A new developer key. The old one is refused within a few seconds."""
    return models.DeveloperKey(developer_key=await accounts.rotate_developer_key(db, scope))
