"""Reads and checks what Plum clients send: forms, JSON, path and query. Each check has its text in `texts`."""

import contextlib
import json
import re
from collections.abc import AsyncIterator, Mapping

from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

from callwright.base import json_text
from callwright.base.errors import RequestError
from callwright.base.values import Value
from callwright.web.plum import texts

FIELDS_MAX = 100
_INTEGER = re.compile(r"[0-9]{1,18}")
TIMESTAMP_MAX = 253_402_300_799
"The last second of the year 9999."


def media_type(request: Request) -> str:
    """Of the body, without parameters; empty where it is not said."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def body_of(request: Request) -> Mapping[str, object]:
    """The fields of a multipart, urlencoded or JSON body. A field that comes twice counts as its last, as in PHP."""
    if media_type(request) == "application/json":
        try:
            sent = json_text.loads(await request.body())
        except ValueError:
            raise RequestError(400, texts.BODY_MALFORMED) from None
        if not isinstance(sent, dict):
            raise RequestError(400, texts.BODY_MALFORMED)
        return sent
    async with opened_form(request) as form:
        return texts_of(form)


@contextlib.asynccontextmanager
async def opened_form(request: Request) -> AsyncIterator[FormData]:
    """The fields of a multipart or urlencoded body; its files are there until the end of the context."""
    form = await read_form(request)
    try:
        yield form
    finally:
        await form.close()


async def read_form(request: Request) -> FormData:
    """The same, to be closed by whoever has it. It is read once, however often it is asked for."""
    try:
        return await request.form(max_files=FIELDS_MAX, max_fields=FIELDS_MAX)
    except (HTTPException, FormParserError, UnicodeDecodeError):
        raise RequestError(400, texts.BODY_MALFORMED) from None


def texts_of(form: FormData) -> dict[str, str]:
    """The fields that are no files."""
    return {name: value for name, value in form.multi_items() if isinstance(value, str)}


def given(fields: Mapping[str, object], name: str) -> str:
    """A field as text, stripped; empty where it was not sent. JSON numbers count as their text."""
    value = fields.get(name)
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    if isinstance(value, dict | list):
        return json.dumps(value)
    return str(value).strip()


def integer(text: str, low: int, high: int, problem: str, *, field: str) -> int:
    """Raises `RequestError` with `problem`."""
    if not _INTEGER.fullmatch(text) or not low <= int(text) <= high:
        raise RequestError(400, problem, field=field)
    return int(text)


def timestamp(fields: Mapping[str, object], name: str) -> float | None:
    """UNIX seconds; None where the field was not sent."""
    text = given(fields, name)
    if not text:
        return None
    return float(integer(text, 0, TIMESTAMP_MAX, texts.TIMESTAMP.format(field=name), field=name))


def json_object(text: str, limit: int) -> dict[str, Value]:
    if len(text.encode("utf-8", "replace")) > limit:
        raise RequestError(400, texts.METADATA_LARGE.format(limit=limit), field="metadata")
    try:
        value = json_text.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise RequestError(400, texts.METADATA, field="metadata")
    return value


def path_id(request: Request, name: str) -> int:
    """An id of the path; -1, which no row has, for what is no number."""
    text = request.path_params[name]
    return int(text) if _INTEGER.fullmatch(text) else -1
