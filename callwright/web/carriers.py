"""What carriers over HTTP tell: texts and receipts, at a URL of each account with a carrier that has its token.

A carrier gets 204 once all that it told is kept; for anything else it tells it again, by its own rules.
"""

import logging
import time

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from callwright.base.config import Config
from callwright.base.errors import NotFound, PeerError
from callwright.providers import carriers as _all  # noqa: F401 - registers them
from callwright.providers.carriers.account import REGISTRY
from callwright.providers.carriers.http_carrier import HttpCarrier, Webhook
from callwright.services import sms
from callwright.store.database import FAILURES, Database

METHODS = ["GET", "POST"]
"Vonage may ask by GET."

log = logging.getLogger(__name__)


async def _told(request: Request) -> Response:
    db: Database = request.app.state.db
    config: Config = request.app.state.config
    carrier_id = request.path_params["carrier_id"]
    try:
        row = await sms.carrier(db, carrier_id, request.path_params["token"])
        kind = REGISTRY[row.type]
        if not issubclass(kind, HttpCarrier):
            raise NotFound("carrier")
        carrier = kind.model_validate({"type": row.type, **row.settings})
        base = config.public_url or str(request.base_url).rstrip("/")
        query = f"?{request.url.query}" if request.url.query else ""
        webhook = Webhook.of(f"{base}{request.url.path}{query}", dict(request.headers), await request.body())
        if not carrier.verify(webhook, time.time()):
            log.warning("a request to the URL of carrier %d is not signed by it", carrier_id)
            return PlainTextResponse("The signature does not fit.", 403)
        parse = carrier.parse_inbound if request.url.path.endswith("/texts") else carrier.parse_status
        for one in parse(webhook):
            if not await sms.told(db, carrier_id, one):
                log.warning("carrier %d told a text to a number that does not send by it", carrier_id)
                return PlainTextResponse("No number of that address sends by this carrier.", 404)
    except (NotFound, KeyError):
        return PlainTextResponse("Not found.", 404)
    except PeerError as error:
        return PlainTextResponse(f"{error}.", 400)
    except FAILURES:
        log.exception("what carrier %d told could not be kept", carrier_id)
        return PlainTextResponse("Not now.", 503, {"Retry-After": "5"})
    return Response(status_code=204)


def routes() -> list[Route]:
    return [
        Route(f"/carriers/{{carrier_id:int}}/{{token}}/{what}", _told, methods=METHODS)
        for what in ("texts", "receipts")
    ]
