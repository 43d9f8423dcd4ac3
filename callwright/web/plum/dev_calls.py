"""DEV's call logs: recent calls, the log of one, sessions, errors (docs/compatibility/dev-call-logs.md).

Every value is a string.
"""

import time
from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

from callwright.base.errors import RequestError
from callwright.base.values import Value
from callwright.services import accounts, calls, dev_logs
from callwright.services.dev_logs import Reader
from callwright.store.calls import CallRow, Page
from callwright.web.plum import texts
from callwright.web.plum.dev import CODES, DevEndpoint
from callwright.web.plum.endpoint import Asked, Field, Reply
from callwright.web.plum.fields import TIMESTAMP_MAX, integer, path_id
from callwright.web.plum.logs import LIMIT_DEFAULT, LIMIT_MAX, NUMBER_MAX, OFFSET_MAX

YEAR_S = 366 * 86400
"`start_timestamp` must be within the last year, which may be a leap year."


def _page_of(asked: Asked) -> Page:
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
    await _reader(asked)
    found, total = await calls.listed_with_log(asked.db, asked.scope, _page_of(asked))
    return Reply({"total_logs": str(total), "logs": [_log(call) for call in found]})


async def log(asked: Asked) -> Reply:
    """The log of one call, a line for each event."""
    reader = await _reader(asked)
    call, entries = await calls.with_log(asked.db, asked.scope, path_id(asked.request, "log_id"))
    return Reply({"log": dev_logs.log(call.session_id, entries, reader)})


async def sessions(asked: Asked) -> Reply:
    """Calls, a line for each."""
    reader = await _reader(asked)
    found, total = await calls.listed(asked.db, asked.scope, _page_of(asked))
    return Reply({"total_sessions": str(total), "sessions": [dev_logs.session(call, reader) for call in found]})


async def errors(asked: Asked) -> Reply:
    """What went wrong in calls, a line for each."""
    reader = await _reader(asked)
    found, total = await calls.errors(asked.db, asked.scope, _page_of(asked))
    return Reply({"total_errors": str(total), "errors": [dev_logs.error(one, reader) for one in found]})


async def _reader(asked: Asked) -> Reader:
    """Raises `RequestError` for a demo account, which has no logs."""
    account = await accounts.get(asked.db, asked.scope)
    if account.demo:
        raise RequestError(403, texts.DEV_DEMO)
    return Reader(account.email, ZoneInfo(account.time_zone))


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


def _list(service: str, summary: str, handler: Callable[[Asked], Awaitable[Reply]]) -> DevEndpoint:
    path = f"/ws/calls/{service}/{{start_timestamp}}/{{end_timestamp}}"
    return DevEndpoint(path, "GET", summary, "dev-call-logs", handler, PAGE_FIELDS, CODES, service=service)


ENDPOINTS = (
    _list("logs", "Recent calls whose log is there", logs),
    DevEndpoint(
        "/ws/calls/log/{log_id}",
        "GET",
        "The log of one call",
        "dev-call-logs",
        log,
        (Field("log_id", "What `logs` gave.", True, where="path"),),
        CODES,
        service="log",
    ),
    _list("sessions", "Calls of the last year, a line for each", sessions),
    _list("errors", "What went wrong in calls of the last year, a line for each", errors),
)
