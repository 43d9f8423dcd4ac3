"""Lists of calls, with their detailed logs or without, and that of one call.

docs/compatibility: fuse-call-logs, fuse-all-logs, fuse-call-log.
"""

from collections.abc import AsyncIterator, Iterable, Sequence

from callwright.base.errors import RequestError
from callwright.base.values import Value
from callwright.services import calls
from callwright.session.lines import lines
from callwright.store.calls import CallRow, Page
from callwright.web.plum import texts
from callwright.web.plum.endpoint import Asked, Reply
from callwright.web.plum.fields import TIMESTAMP_MAX, integer

LIMIT_DEFAULT = 1_000
LIMIT_MAX = 10_000
OFFSET_MAX = 10_000_000
NUMBER_MAX = 64


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
    found, total = await calls.listed(asked.db, asked.scope, _page_of(asked))
    return Reply({"calls": _entries(found), "total_calls": total})


async def _entries(found: Iterable[CallRow]) -> AsyncIterator[Value]:
    for call in found:
        yield _entry(call)


def _entry(call: CallRow) -> Value:
    return {
        "dest": call.dest,
        "src": call.src,
        "start": int(call.started_at),
        "end": int(call.ended_at or call.started_at),
        "session_id": call.session_id,
        "type": call.direction,
        "log": call.has_log,
    }


async def listed_with_details(asked: Asked) -> Reply:
    """Only calls whose detailed log can still be read."""
    found, total = await calls.listed_with_log(asked.db, asked.scope, _page_of(asked))
    return Reply({"calls": _detailed_entries(asked, found), "total_calls": total})


async def _detailed_entries(asked: Asked, found: Sequence[CallRow]) -> AsyncIterator[Value]:
    """Times are strings here, and numbers in the other list: as in the samples."""
    async for call, entries in calls.journals(asked.db, asked.scope, found):
        yield {
            "dest": call.dest,
            "src": call.src,
            "start": str(int(call.started_at)),
            "end": str(int(call.ended_at or call.started_at)),
            "session_id": call.session_id,
            "detail": [line.as_plum() for line in lines(entries)],
            "type": call.direction,
        }


async def detailed(asked: Asked) -> Reply:
    session_id = asked.request.path_params["session_id"].replace("\0", "")
    call = await calls.get(asked.db, asked.scope, session_id)
    entries = await calls.journal(asked.db, asked.scope, call)
    return Reply([line.as_plum() for line in lines(entries)])


def _bounded(text: str, low: int, high: int, field: str) -> int:
    return integer(text, low, high, texts.RANGE.format(field=field, low=low, high=high), field=field)
