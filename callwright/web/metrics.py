"""`/metrics`: what the processes of this machine tell Prometheus, for who has the token; and what the web process counts."""

import hmac
import time

from prometheus_client import Counter, Histogram
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callwright.services import metrics

REQUESTS = Counter(
    "callwright_http_requests", "Requests that were answered.", ["surface", "status"], registry=metrics.REGISTRY
)
SECONDS = Histogram(
    "callwright_http_request_seconds",
    "From a request to the beginning of its answer.",
    ["surface"],
    buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30),
    registry=metrics.REGISTRY,
)
_SURFACES = (("/v1/", "v1"), ("/api/", "fuse"), ("/ws/", "dev"), ("/webservice/", "dev"), ("/carriers/", "carriers"))


def routes() -> list[BaseRoute]:
    return [Route("/metrics", _metrics)]


async def _metrics(request: Request) -> Response:
    config = request.app.state.config
    given = request.headers.get("authorization", "").encode(errors="replace")
    token = config.metrics_token
    if not token or not hmac.compare_digest(given, f"Bearer {token}".encode()):
        return PlainTextResponse(
            "The token is missing or wrong. `callwright metrics --scrape-config` tells it.\n",
            401,
            headers={"WWW-Authenticate": "Bearer"},
        )
    text = await run_in_threadpool(metrics.merged, config.metrics_dir)
    return Response(text, headers={"Content-Type": metrics.MEDIA_TYPE, "Cache-Control": "no-store"})


class Counted:
    """Counts requests by surface and status."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        surface = next((name for start, name in _SURFACES if scope["path"].startswith(start)), "pages")
        begun = time.perf_counter()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                REQUESTS.labels(surface, message["status"]).inc()
                SECONDS.labels(surface).observe(time.perf_counter() - begun)
            await send(message)

        await self._app(scope, receive, counted)
