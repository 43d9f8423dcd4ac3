"""Errors of our own API as RFC 9457 problem details: `type`, `title`, `status`, `detail`, and `errors` with a field each."""

import logging
import secrets
import traceback
from collections.abc import Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import compile_path

from callwright.base.errors import RequestError
from callwright.flow.application import DocumentError
from callwright.store.database import FAILURES

log = logging.getLogger(__name__)

ERRORS_MAX = 50
"Of one request."

TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    409: "Conflict",
    412: "Precondition failed",
    413: "Content too large",
    416: "Range not satisfiable",
    422: "Invalid input",
    500: "Internal error",
    503: "Database unavailable",
}


RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "What is wrong with the request (RFC 9457).",
        "content": {
            "application/problem+json": {
                "schema": {
                    "type": "object",
                    "required": ["type", "title", "status", "detail"],
                    "properties": {
                        "type": {"type": "string"},
                        "title": {"type": "string"},
                        "status": {"type": "integer"},
                        "detail": {"type": "string"},
                        "errors": {
                            "type": "array",
                            "items": {"type": "object", "additionalProperties": {"type": "string"}},
                            "description": "One for each wrong field (`field`) or place in an application (`page`, `module`).",
                        },
                    },
                }
            }
        },
    }
}
"What every operation may answer, for the API page."


def problem(
    status: int, detail: str, *, errors: list[dict[str, str]] | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    body: dict[str, object] = {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
    }
    if errors:
        body["errors"] = errors
    return JSONResponse(body, status, headers, media_type="application/problem+json")


async def on_request_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestError)
    errors = [{"field": error.field, "message": error.message}] if error.field else None
    headers = {"WWW-Authenticate": 'Basic realm="Callwright"'} if error.status == 401 else None
    return problem(error.status, error.message, errors=errors, headers=headers)


async def on_document_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DocumentError)
    errors = [{"page": e.page, "module": e.module, "field": e.field, "message": e.message} for e in error.errors]
    return problem(422, f"The application has {len(errors)} error(s): {error}", errors=errors)


async def on_validation_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = [{"field": _field_of(e), "message": e["msg"]} for e in error.errors()[:ERRORS_MAX]]
    first = errors[0]
    return problem(422, f"{first['field']}: {first['message']}", errors=errors)


def _field_of(error: Mapping[str, Any]) -> str:
    """`port`, `metadata.name`, or `body` where it cannot be read at all: a client knows where it put them."""
    where, *steps = error["loc"]
    return where if not steps or error["type"] == "json_invalid" else ".".join(str(step) for step in steps)


async def on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return problem(error.status_code, error.detail, headers=headers)


def _methods(request: Request) -> set[str]:
    """Of all operations with this path: each route has one, and Starlette would name that of the first."""
    path = request.scope["path"].removeprefix(request.scope["root_path"])
    paths = request.app.openapi()["paths"]
    return {
        method.upper() for template, item in paths.items() if compile_path(template)[0].match(path) for method in item
    }


async def on_body_too_large(_: Request, __: Exception) -> JSONResponse:
    """Not sent: `BodyLimit` answers. It is here so that a client's mistake is not logged as a failure."""
    return problem(413, "The request body is too large, or too slow.")


async def on_failure(request: Request, error: Exception) -> JSONResponse:
    """The containment point of a request."""
    reference = secrets.token_hex(4)
    log.error(
        "request %s, %s %s: %s", reference, request.method, request.url.path, "".join(traceback.format_exception(error))
    )
    if isinstance(error, FAILURES):
        return problem(503, f"The database cannot be reached; the log names the reason under {reference}.")
    return problem(500, f"Something went wrong; the log has it under {reference}.")
