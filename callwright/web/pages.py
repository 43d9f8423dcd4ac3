"""The pages for people: a start page, and the API page on which every call can be tried. Nothing comes from another host."""

import html
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

import callwright
from callwright.store.database import FAILURES
from callwright.web.plum.table import openapi_paths

_POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">{head}</head>
<body>{body}</body></html>"""

_DEV_SCHEME = {"type": "http", "scheme": "basic", "description": "Login and password of the web site."}

_STYLE = "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}</style>"

_SCRIPT = """
window.addEventListener("load", () => SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#page", deepLinking: true, persistAuthorization: true,
  presets: [SwaggerUIBundle.presets.apis], layout: "BaseLayout",
}));
"""


def routes(document: dict[str, Any]) -> list[BaseRoute]:
    """`document`: in OpenAPI, of all surfaces."""
    found = find_spec("fastapi_offline")
    assert found is not None and found.submodule_search_locations, "fastapi-offline is a dependency"
    swagger = Path(next(iter(found.submodule_search_locations))) / "static"

    async def openapi(_: Request) -> Response:
        return JSONResponse(document)

    async def script(_: Request) -> Response:
        return Response(_SCRIPT, media_type="text/javascript")

    return [
        Route("/", _start),
        Route("/health", _health),
        Route("/docs", _docs),
        Route("/docs/page.js", script),
        Route("/openapi.json", openapi),
        Mount("/docs/swagger", StaticFiles(directory=swagger)),
    ]


async def _start(request: Request) -> Response:
    version = html.escape(callwright.__version__)
    body = (
        f"<h1>Callwright {version}</h1><p>It runs. The API answers here, and calls are placed over SIP.</p>"
        '<ul><li><a href="/docs">The API page</a>: every call, to be tried with your email and developer key</li>'
        '<li><a href="/openapi.json">openapi.json</a></li><li><a href="/health">Health</a></li></ul>'
    )
    return _html("Callwright", _STYLE, body)


async def _docs(_: Request) -> Response:
    head = (
        '<link rel="stylesheet" href="/docs/swagger/swagger-ui.css">'
        '<script src="/docs/swagger/swagger-ui-bundle.js"></script><script src="/docs/page.js"></script>'
    )
    return _html("Callwright API", head, '<div id="page"></div>')


async def _health(request: Request) -> Response:
    """200 while the database answers, else 503."""
    try:
        await request.app.state.db.ping(2)
    except FAILURES:
        return JSONResponse({"status": "no database"}, 503)
    return JSONResponse({"status": "ok", "version": callwright.__version__})


def _html(title: str, head: str, body: str) -> Response:
    return HTMLResponse(
        _PAGE.format(title=title, head=head, body=body),
        headers={
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        },
    )


def document(v1: FastAPI) -> dict[str, Any]:
    """One OpenAPI document of all surfaces."""
    described = v1.openapi()
    paths = openapi_paths() | {f"/v1{path}": item for path, item in described["paths"].items()}
    components = described["components"]
    schemes = components["securitySchemes"] | {"dev": _DEV_SCHEME}
    return {
        **described,
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": components | {"securitySchemes": schemes},
    }
