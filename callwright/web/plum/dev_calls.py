"""DEV's call logs (docs/compatibility/dev-call-logs.md). Every value is a string."""

import time

from callwright.base.errors import RequestError
from callwright.base.values import Value
from callwright.services import calls
from callwright.store.calls import CallRow
from callwright.web.plum import texts
from callwright.web.plum.dev import CODES, DevEndpoint
from callwright.web.plum.endpoint import Asked, Field, Reply
from callwright.web.plum.fields import TIMESTAMP_MAX, integer
from callwright.web.plum.logs import LIMIT_DEFAULT, LIMIT_MAX, NUMBER_MAX, OFFSET_MAX, Page

YEAR_S = 366 * 86400
"`start_timestamp` must be within the last year, which may be a leap year."


def page_of(asked: Asked) -> Page:
    """What is asked for. Raises `RequestError`."""
    path, query = asked.request.path_params, asked.request.query_params
    start, end = (
        integer(path[name], 0, TIMESTAMP_MAX, texts.DEV_TIMESTAMP.format(field=name), field=name)
        for name in ("start_timestamp", "end_timestamp")
    )
    if start < time.time() - YEAR_S:
        raise RequestError(400, texts.DEV_START, field="start_timestamp")
    if end <= start:
        raise RequestError(400, texts.DEV_END, field="end_timestamp")
    number = query.get("number") or query.get("numbers") or ""
    limit = query.get("limit") or str(LIMIT_DEFAULT)
    offset = query.get("offset") or "0"
    return Page(
        start,
        end,
        number=number[:NUMBER_MAX].replace("\0", ""),
        limit=integer(limit, 1, LIMIT_MAX, texts.DEV_LIMIT.format(low=1, high=LIMIT_MAX), field="limit"),
        offset=integer(offset, 0, OFFSET_MAX, texts.DEV_OFFSET.format(high=OFFSET_MAX), field="offset"),
    )


async def logs(asked: Asked) -> Reply:
    """Calls whose log can still be read."""
    page = page_of(asked)
    found, total = await calls.listed(
        asked.db,
        asked.scope,
        start=max(page.start, time.time() - calls.DETAILS_KEPT_S),
        end=page.end,
        number=page.number,
        limit=page.limit,
        offset=page.offset,
    )
    return Reply({"total_logs": str(total), "logs": [_log(call) for call in found]})


def _log(call: CallRow) -> Value:
    return {
        "log_id": str(call.id),
        "session_id": call.session_id,
        "dest": call.dest,
        "type": call.direction,
        "src": call.src,
        "start": str(int(call.started_at)),
        "end": str(int(call.ended_at or call.started_at)),
    }


PAGE_FIELDS = (
    Field("start_timestamp", "UNIX time, inclusive, within the last year.", True, where="path"),
    Field("end_timestamp", "UNIX time, exclusive.", True, where="path"),
    Field("number", "Only calls to this number.", where="query"),
    Field("offset", "Entries to leave out; default 0.", where="query"),
    Field("limit", "1 to 10000; default 1000.", where="query"),
)

ENDPOINTS = (
    DevEndpoint(
        "/ws/calls/logs/{start_timestamp}/{end_timestamp}",
        "GET",
        "Recent calls whose log is there",
        "dev-call-logs",
        logs,
        PAGE_FIELDS,
        CODES,
        service="logs",
    ),
)
