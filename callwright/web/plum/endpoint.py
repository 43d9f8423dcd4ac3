"""One route of the Plum surface: what it is called, what it takes, and the order in which a request is checked.

Method (405), credentials (401), existence (404, 409), permission (403), parameters (400): the first two here for
all routes, the rest by each handler in that order. This is also the containment point of a request: whatever
else goes wrong is a 500 with a reference, the reason is in the log, and the process lives.
"""

import logging
import secrets
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from callwright.base.errors import RequestError
from callwright.base.values import Value
from callwright.services import accounts
from callwright.store.database import FAILURES, Database
from callwright.store.scope import Scope
from callwright.web.basic import credentials
from callwright.web.limits import BodyTooLarge
from callwright.web.plum import texts
from callwright.web.plum.encoding import MEDIA_TYPE, encode, form_of

log = logging.getLogger(__name__)

REALM = 'Basic realm="Plum Fuse"'


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that has passed method and credentials."""

    request: Request
    db: Database
    scope: Scope


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back. No body at all where `body` is None."""

    body: Value | None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a request, for the API page."""

    name: str
    description: str
    required: bool = False
    example: str = ""
    where: str = "form"
    "`form`, `path` or `query`."


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A row of the table."""

    path: str
    method: str
    summary: str
    page: str
    "Its page under docs/compatibility."

    handler: Callable[[Asked], Awaitable[Reply]]
    fields: tuple[Field, ...]
    codes: Mapping[int, str]

    async def serve(self, request: Request) -> Response:
        form = form_of(request.headers.get("accept", ""))
        db: Database = request.app.state.db
        try:
            reply = await self._checked(request, db)
        except RequestError as error:
            headers = {"WWW-Authenticate": REALM} if error.status == 401 else {}
            if error.status == 405:
                headers["Allow"] = self.method
            reply = Reply({"error": texts.text_of(error)}, error.status, headers)
        except (BodyTooLarge, ClientDisconnect):
            raise
        except FAILURES:
            log.exception("%s %s", request.method, self.path)
            reply = Reply({"error": texts.DATABASE}, 500)
        except Exception:  # noqa: BLE001 - the containment point of one request
            reference = secrets.token_hex(4)
            log.error("request %s, %s %s: %s", reference, request.method, self.path, traceback.format_exc())
            reply = Reply({"error": texts.INTERNAL.format(reference=reference)}, 500)
        if reply.body is None:
            return Response(status_code=reply.status, headers=dict(reply.headers))
        return Response(encode(reply.body, form), reply.status, dict(reply.headers), MEDIA_TYPE[form])

    async def _checked(self, request: Request, db: Database) -> Reply:
        if request.method != self.method:
            raise RequestError(405, texts.METHOD.format(method=self.method))
        sent = credentials(request.headers)
        if not isinstance(sent, tuple):
            raise RequestError(401, texts.HEADER_MISSING if sent is None else texts.HEADER_MALFORMED)
        scope = await accounts.authenticate_key(db, *sent)
        return await self.handler(Asked(request, db, scope.through("plum")))
