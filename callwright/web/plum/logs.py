"""Lists of calls and the detailed log of one (docs/compatibility: fuse-call-logs, fuse-call-log)."""

import time
from dataclasses import dataclass

from callwright.base.errors import RequestError
from callwright.base.values import Value
from callwright.services import calls
from callwright.session.lines import lines
from callwright.store.calls import CallRow
from callwright.web.plum import texts
from callwright.web.plum.endpoint import Asked, Reply
from callwright.web.plum.fields import TIMESTAMP_MAX, integer

LIMIT_DEFAULT = 1_000
LIMIT_MAX = 10_000
OFFSET_MAX = 10_000_000
NUMBER_MAX = 64


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list of calls."""

    start: int
    end: int
    number: str
    "Only calls of this number; empty: of all."

    limit: int
    offset: int


def _page_of(asked: Asked) -> Page:
    path, query = asked.request.path_params, asked.request.query_params
    start = _bounded(path["start"], 0, TIMESTAMP_MAX, "start")
    end = _bounded(path["end"], 0, TIMESTAMP_MAX, "end")
    if end < start:
        raise RequestError(400, texts.END_BEFORE_START_LOGS, field="end")
    return Page(
        start,
        end,
        number=query.get("number", "")[:NUMBER_MAX].replace("\0", ""),
        limit=_bounded(query.get("limit") or str(LIMIT_DEFAULT), 1, LIMIT_MAX, "limit"),
        offset=_bounded(query.get("offset") or "0", 0, OFFSET_MAX, "offset"),
    )


async def listed(asked: Asked) -> Reply:
    page = _page_of(asked)
    found, total = await calls.listed(
        asked.db,
        asked.scope,
        start=page.start,
        end=page.end,
        number=page.number,
        limit=page.limit,
        offset=page.offset,
    )
    now = time.time()
    return Reply({"calls": [_entry(call, now) for call in found], "total_calls": total})


def _entry(call: CallRow, now: float) -> Value:
    return {
        "dest": call.dest,
        "src": call.src,
        "start": int(call.started_at),
        "end": int(call.ended_at or call.started_at),
        "session_id": call.session_id,
        "type": call.direction,
        "log": calls.has_details(call, now),
    }


async def detailed(asked: Asked) -> Reply:
    session_id = asked.request.path_params["session_id"].replace("\0", "")
    entries = await calls.journal(asked.db, asked.scope, session_id)
    return Reply([line.as_plum() for line in lines(entries)])


def _bounded(text: str, low: int, high: int, field: str) -> int:
    return integer(text, low, high, texts.RANGE.format(field=field, low=low, high=high), field=field)
