"""DEV's SMS API: queue, status, messages, conversation (docs/compatibility/dev-sms.md). The suffix of the path chooses the form."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from callwright.base import phone_numbers
from callwright.base.errors import RequestError
from callwright.base.values import Value
from callwright.providers.http import is_http_url
from callwright.services import accounts, sms
from callwright.sms.progress import shown
from callwright.store.sms import Direction, Query, SmsRow
from callwright.web.plum import texts
from callwright.web.plum.dev import CODES, SUFFIX, SuffixEndpoint
from callwright.web.plum.endpoint import Asked, Field, Reply
from callwright.web.plum.fields import TIMESTAMP_MAX, body_of, given, integer
from callwright.web.plum.logs import OFFSET_MAX

LIMIT_MIN, LIMIT_MAX = 50, 1000
RESULT_URL_MAX = 2_000


async def queue(asked: Asked) -> Reply:
    fields = await body_of(asked.request)
    result_url = given(fields, "result_url")
    if result_url and (len(result_url) > RESULT_URL_MAX or not is_http_url(result_url)):
        raise RequestError(400, texts.RESULT_URL, field="result_url")
    account = await accounts.get(asked.db, asked.scope)
    rows = await sms.queue(
        asked.db,
        asked.scope,
        sender=given(fields, "from"),
        to=given(fields, "to"),
        body=str(fields.get("body") or ""),
        result_url=result_url,
        refuse=account.sms_refusal_in_response,
    )
    return Reply({"sms_messages": [_queued(row) for row in rows]})


def _queued(row: SmsRow) -> Value:
    # What has been refused already is told elsewhere, and not here (Special Notifications).
    return {
        "sms_message_id": row.message_id.hex,
        "to": row.theirs,
        "from": row.ours,
        "body": row.body,
        "request_timestamp": int(row.requested_at),
        "result_url": row.result_url,
        "status": "queued",
    }


async def status(asked: Asked) -> Reply:
    row = await sms.get(asked.db, asked.scope, asked.request.path_params["sms_message_id"])
    told: dict[str, Value] = {
        "sms_message_id": row.message_id.hex,
        "to": row.to,
        "from": row.sender,
        "body": row.body,
        "request_timestamp": str(int(row.requested_at)),
        "response_timestamp": _at(row.responded_at),
        "status": shown(row.status),
    }
    if row.direction == "outbound" and row.status != "queued" and time.time() - row.requested_at < sms.DELIVERY_S:
        told["delivery_status"] = row.delivery or "unconfirmed"
    return Reply(told)


async def messages(asked: Asked) -> Reply:
    query = asked.request.query_params
    kind = query.get("msg_type", "")
    if kind not in ("", "all", "inbound", "outbound"):
        raise RequestError(400, texts.SMS_MSG_TYPE, field="msg_type")
    number, whose = query.get("phone_number", ""), query.get("number_type", "")
    direction: Direction | None = {"inbound": "inbound", "outbound": "outbound"}.get(kind)  # type: ignore[assignment]
    if bool(whose) != (direction is not None and bool(number)) or whose not in ("", "account", "customer"):
        raise RequestError(400, texts.SMS_NUMBER_TYPE, field="number_type")
    asks = replace(_query(query), direction=direction)
    if number:
        spelled = tuple(phone_numbers.spellings(number))
        if whose:
            asks = replace(asks, ours=spelled) if whose == "account" else replace(asks, theirs=spelled)
        else:
            asks = replace(asks, either=spelled)
    rows, total = await sms.listed(asked.db, asked.scope, asks)
    return Reply(
        {
            "offset": asks.offset,
            "limit": asks.limit,
            "total": str(total),
            "sms_messages": [_message(row) for row in rows],
        }
    )


async def conversation(asked: Asked) -> Reply:
    query = asked.request.query_params
    numbers = []
    for name in ("phone_number1", "phone_number2"):
        if not query.get(name):
            raise RequestError(400, texts.SMS_NUMBER_MISSING.format(field=name), field=name)
        numbers.append(tuple(phone_numbers.spellings(query[name])))
    asks = replace(_query(query), between=(numbers[0], numbers[1]))
    rows, total = await sms.listed(asked.db, asked.scope, asks)
    return Reply(
        {
            "offset": str(asks.offset),
            "limit": str(asks.limit),
            "total": str(total),
            "sms_messages": [_message(row, typed=True) for row in rows],
        }
    )


def _query(query: Mapping[str, str]) -> Query:
    """What both lists take. Raises `RequestError`."""
    order = query.get("order", "").lower()
    if order not in ("", "asc", "desc"):
        raise RequestError(400, texts.SMS_ORDER, field="order")
    start, end = (
        integer(query.get(name) or "0", 0, TIMESTAMP_MAX, texts.DEV_TIMESTAMP.format(field=name), field=name)
        for name in ("start_timestamp", "end_timestamp")
    )
    if end and end <= start:
        raise RequestError(400, texts.DEV_END, field="end_timestamp")
    limit = query.get("limit") or str(LIMIT_MIN)
    return Query(
        limit=integer(
            limit, LIMIT_MIN, LIMIT_MAX, texts.DEV_LIMIT.format(low=LIMIT_MIN, high=LIMIT_MAX), field="limit"
        ),
        offset=integer(
            query.get("offset") or "0", 0, OFFSET_MAX, texts.DEV_OFFSET.format(high=OFFSET_MAX), field="offset"
        ),
        descending=order == "desc",
        start=start,
        end=end or None,
    )


def _message(row: SmsRow, *, typed: bool = False) -> Value:
    return {
        "sms_message_id": row.message_id.hex,
        "to": row.to,
        "from": row.sender,
        "body": row.body,
        "request_timestamp": str(int(row.requested_at)),
        "response_timestamp": _at(row.responded_at),
        "result_url": row.result_url,
        **({"type": row.direction} if typed else {}),
        "status": shown(row.status),
    }


def _at(moment: float | None) -> str:
    return "" if moment is None else str(int(moment))


_LIST = (
    Field("offset", "Messages to leave out; default 0.", where="query"),
    Field("limit", f"{LIMIT_MIN} to {LIMIT_MAX}; default {LIMIT_MIN}.", where="query"),
    Field("order", "asc or desc, by time; default asc.", where="query"),
    Field("start_timestamp", "UNIX time, inclusive; 0: from the beginning.", where="query"),
    Field("end_timestamp", "UNIX time, exclusive; 0: no end.", where="query"),
)


def _endpoint(
    service: str,
    method: str,
    summary: str,
    handler: Callable[[Asked], Awaitable[Reply]],
    *fields: Field,
    more: str = "",
) -> SuffixEndpoint:
    path = f"/ws/sms/{service}.{{suffix}}{more}"
    return SuffixEndpoint(path, method, summary, "dev-sms", handler, (SUFFIX, *fields), CODES, service=service)


ENDPOINTS = (
    _endpoint(
        "queue",
        "POST",
        "Queue a text",
        queue,
        Field("to", "10 digits, or with the country's code.", True, "12125550102"),
        Field("from", "An SMS number of the account.", True),
        Field("body", "The text; beyond 160 characters it is several messages.", True, "Hello"),
        Field("result_url", "Gets a POST of sms_message_id and status at each change."),
    ),
    _endpoint(
        "status",
        "GET",
        "Where a message stands",
        status,
        Field("sms_message_id", "What queue gave.", True, where="path"),
        more="/{sms_message_id}",
    ),
    _endpoint(
        "messages",
        "GET",
        "Messages sent and received",
        messages,
        *_LIST,
        Field("msg_type", "inbound, outbound or all.", where="query"),
        Field("phone_number", "Only of this number.", where="query"),
        Field(
            "number_type",
            "account or customer: whose it is. Needed with phone_number and msg_type inbound or outbound, and only then.",
            where="query",
        ),
    ),
    _endpoint(
        "conversation",
        "GET",
        "Messages between two numbers",
        conversation,
        *_LIST,
        Field("phone_number1", "One of them.", True, where="query"),
        Field("phone_number2", "The other.", True, where="query"),
    ),
)
