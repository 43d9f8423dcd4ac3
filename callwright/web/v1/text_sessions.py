"""Conversations by text, with how they went."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from callwright.services import text_sessions
from callwright.session.lines import lines
from callwright.session.transcript import transcript
from callwright.store.text_sessions import TextSessionRow
from callwright.web.v1.deps import PAGE_DEFAULT, Asker, Db, Limit
from callwright.web.v1.models import LogLine

router = APIRouter(tags=["Texts"])


class TextSession(BaseModel):
    id: int = Field(description="For pages of the list.")
    session_id: str
    ours: str
    theirs: str
    application_id: int
    deployment_id: int
    started_at: float
    turned_at: float = Field(description="Of its last turn.")
    ended_at: float | None
    outcome: str = Field(description="exit, hung_up, limit or error; empty while it goes on.")
    cause: str


class TextSessionWithLog(TextSession):
    transcript: str
    log: list[LogLine]


@router.get("/text-sessions", summary="List conversations by text")
async def listed(
    scope: Asker,
    db: Db,
    limit: Limit = PAGE_DEFAULT,
    before: Annotated[int, Query(ge=1, lt=2**63, description="Only ids below this one.")] = 2**63 - 1,
    number: Annotated[str, Query(max_length=20, pattern="^[0-9]*$", description="Only those with this number.")] = "",
) -> list[TextSession]:
    """Conversations of applications by text, newest first: those that go on, and those whose details are still kept."""
    found = await text_sessions.listed(db, scope, before=before, limit=limit, theirs=number)
    return [TextSession(**_shown(row)) for row in found]


@router.get("/text-sessions/{session_id}", summary="One conversation by text with its log")
async def get(session_id: str, scope: Asker, db: Db) -> TextSessionWithLog:
    """One conversation: its log line by line, and as a transcript."""
    row, entries = await text_sessions.get(db, scope, session_id)
    written = transcript(entries)
    if row.ended_at is None:
        written = written.removesuffix("call ends\n")
    log = [LogLine(at=one.at, level=one.level, line=one.line, data=one.data) for one in lines(entries)]
    return TextSessionWithLog(**_shown(row), transcript=written, log=log)


def _shown(row: TextSessionRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in TextSession.model_fields} | {"session_id": row.session_id.hex}
