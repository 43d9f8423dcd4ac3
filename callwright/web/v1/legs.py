"""What was seen of the legs of calls: SIP messages as a ladder and as a capture, and figures of the media."""

from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from callwright.base.errors import NotFound
from callwright.services import calls, legs, outbound
from callwright.services.legs import Leg
from callwright.sip import pcap
from callwright.sip.address import written
from callwright.web.v1.deps import Asker, Db

router = APIRouter(tags=["Calls"])

ID_END = 2**63


class Message(BaseModel):
    """One SIP message, as it went over the wire but for passwords, keys of SRTP and pressed keys."""

    at: float
    sent: bool = Field(description="By Callwright.")
    transport: Literal["udp", "tcp", "tls"]
    peer: str = Field(description="IP address and port of the other end.")
    title: str
    text: str


class LegView(BaseModel):
    """One party of a call."""

    role: Literal["caller", "called", "transfer"]
    sip_call_id: str
    began_at: float
    ended_at: float
    ending: str = Field(description="Who ended it, and why.")
    answered: bool
    media: dict[str, Any] = Field(description="Packets, loss, jitter and gaps; docs/reference/sip.md has the names.")
    ladder: list[str] = Field(description="The messages drawn, a line for each.")
    messages: list[Message] = Field(description="Empty in the secure environment, and of a private transfer.")


@router.get("/calls/{session_id}/legs", summary="What was seen of a call's legs")
async def of_call(session_id: str, scope: Asker, db: Db) -> list[LegView]:
    """The caller, or who was called, and those to whom the call was transferred. There some two seconds after the end."""
    return [_view(leg) for leg in await _of_call(session_id, scope, db)]


@router.get("/calls/{session_id}/sip.pcap", summary="A call's SIP messages as a capture", response_class=Response)
async def capture_of_call(session_id: str, scope: Asker, db: Db) -> Response:
    """For Wireshark, tcpdump or sngrep."""
    return _capture(await _of_call(session_id, scope, db))


@router.get("/outbound/{call_id}/legs", summary="What was seen of an outbound call's attempts")
async def of_outbound(call_id: int, scope: Asker, db: Db) -> list[LegView]:
    """Of each attempt, answered or not."""
    return [_view(leg) for leg in await _of_outbound(call_id, scope, db)]


@router.get("/outbound/{call_id}/sip.pcap", summary="An outbound call's SIP messages", response_class=Response)
async def capture_of_outbound(call_id: int, scope: Asker, db: Db) -> Response:
    return _capture(await _of_outbound(call_id, scope, db))


async def _of_call(session_id: str, scope: Asker, db: Db) -> list[Leg]:
    call = await calls.get(db, scope, session_id.replace("\0", ""))
    return await legs.of_call(db, scope, call.id)


async def _of_outbound(call_id: int, scope: Asker, db: Db) -> list[Leg]:
    found = await outbound.details(db, scope, call_id if 0 < call_id < ID_END else 0)
    return await legs.of_outbound(db, scope, found.id)


def _capture(found: list[Leg]) -> Response:
    if not any(leg.messages for leg in found):
        raise NotFound("SIP message")
    return Response(
        legs.capture(found),
        media_type=pcap.MEDIA_TYPE,
        headers={"Content-Disposition": 'attachment; filename="sip.pcap"'},
    )


def _view(leg: Leg) -> LegView:
    return LegView(
        role=leg.role,
        sip_call_id=leg.sip_call_id,
        began_at=leg.began_at,
        ended_at=leg.ended_at,
        ending=leg.ending,
        answered=leg.answered,
        media=leg.media,
        ladder=leg.ladder,
        messages=[
            Message(
                at=one.at,
                sent=one.sent,
                transport=one.transport,
                peer=written(one.peer),
                title=one.title,
                text=one.text,
            )
            for one in leg.messages
        ],
    )
