"""The HTTP application: the Plum surface, /v1, and the pages."""

import asyncio
from functools import cache
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Scope

import callwright
from callwright.base.config import Config
from callwright.base.errors import RequestError
from callwright.flow.application import DocumentError
from callwright.ports.recognizer import Transcriber
from callwright.providers.http import GuardedClient
from callwright.services.probes import Probes
from callwright.store.database import Database
from callwright.web import carriers, metrics, pages, problems
from callwright.web.limits import BodyLimit, BodyTooLarge, SafeHeaders
from callwright.web.metrics import Counted
from callwright.web.plum import table, texts
from callwright.web.plum.encoding import MEDIA_TYPE, encode, form_of
from callwright.web.v1 import (
    account,
    applications,
    audio,
    calls,
    catalogue,
    dev_outbound,
    legs,
    outbound,
    phones,
    telephony,
    text_sessions,
    versions,
)
from callwright.web.v1 import texts as v1_texts

BULK_AT_ONCE = 2
"Files of calls that are queued at the same time; others wait. Each holds a connection for seconds, and there are eight."


def create_app(config: Config, db: Database, http: GuardedClient, transcriber: Transcriber) -> ASGIApp:
    """`http` is for what users' URLs are asked; whoever made it and the transcriber closes them."""
    v1 = _v1()
    app = Starlette(
        routes=[*table.routes(), *carriers.routes(), *pages.routes(_document()), *metrics.routes(), Mount("/v1", v1)],
        middleware=[Middleware(Counted), Middleware(SafeHeaders), Middleware(BodyLimit, refusal=_refused)],
        exception_handlers={404: _not_found},
    )
    for one in (app, v1):
        one.state.config, one.state.db = config, db
    app.state.transcriber = transcriber
    app.state.probes = Probes(http)
    app.state.bulk_turn = asyncio.Semaphore(BULK_AT_ONCE)
    return app


@cache
def _document() -> dict[str, Any]:
    """Half a second of work, and the same for all applications of a process."""
    return pages.document(_v1())


def _v1() -> FastAPI:
    return FastAPI(
        title="Callwright",
        version=callwright.__version__,
        summary="A Plum-compatible API, and Callwright's own under /v1.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        routes=_routes(),
        exception_handlers={
            RequestError: problems.on_request_error,
            DocumentError: problems.on_document_error,
            RequestValidationError: problems.on_validation_error,
            HTTPException: problems.on_http_error,
            BodyTooLarge: problems.on_body_too_large,
            Exception: problems.on_failure,
        },
    )


@cache
def _routes() -> list[BaseRoute]:
    """Those of all applications of a process: what they take is found out by the first one that is asked."""
    router = APIRouter(responses=problems.RESPONSES)
    for page in (
        applications,
        versions,
        audio,
        catalogue,
        telephony,
        phones,
        calls,
        outbound,
        legs,
        v1_texts,
        text_sessions,
        dev_outbound,
        account,
    ):
        router.include_router(page.router)
    return router.routes


async def _not_found(request: Request, _: Exception) -> Response:
    form = form_of(request.headers.get("accept", ""))
    return Response(encode({"error": texts.NOT_FOUND["page"]}, form), 404, media_type=MEDIA_TYPE[form])


def _refused(scope: Scope, status: int, limit: int) -> Response:
    """A body that is too large or too slow, in the form of the surface that was asked."""
    text = (texts.BODY_TOO_LARGE if status == 413 else texts.BODY_TOO_SLOW).format(limit=limit)
    if scope["path"].startswith("/v1/"):
        return problems.problem(status, text)
    endpoint = table.endpoint_of(scope["path"])
    if endpoint is None:
        form = form_of(Headers(scope=scope).get("accept", ""))
        return Response(encode({"error": text}, form), status, media_type=MEDIA_TYPE[form])
    form = endpoint.form(Request(scope))
    return Response(endpoint.failed(text, form), status, media_type=MEDIA_TYPE[form])
