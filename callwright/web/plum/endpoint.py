"""One route of the Plum surface: what it is called, what it takes, and the order in which a request is checked.

Method (405), credentials (401), existence (404, 409), permission (403), parameters (400): the first two here for
all routes, the rest by each handler in that order. This is also the containment point of a request: whatever
else goes wrong is a 500 with a reference, the reason is in the log, and the process lives.
"""

import logging
import secrets
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from callwright.base.config import Config
from callwright.base.errors import RequestError
from callwright.services import accounts
from callwright.store.database import FAILURES, Database
from callwright.store.scope import Scope
from callwright.web.basic import credentials
from callwright.web.limits import BodyTooLarge
from callwright.web.plum import texts
from callwright.web.plum.encoding import MEDIA_TYPE, Body, Form, encode, form_of, pieces

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that has passed method and credentials."""

    request: Request
    db: Database
    scope: Scope

    @property
    def base_url(self) -> str:
        """Where clients reach this server, without a slash at its end: `--public-url`, else what this one asked."""
        config: Config = self.request.app.state.config
        return config.public_url or str(self.request.base_url).rstrip("/")


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back. No body at all where `body` is None."""

    body: Body | None
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
    "`form`, `file`, `path` or `query`."


@dataclass(frozen=True)
class Endpoint:
    """A row of the table, in Fuse's manner. Other families say otherwise how they let a client in and how they answer."""

    path: str
    method: str
    summary: str
    page: str
    "Its page under docs/compatibility."

    handler: Callable[[Asked], Awaitable[Reply]]
    fields: tuple[Field, ...]
    codes: Mapping[int, str]

    family: ClassVar[str] = "Plum Fuse"
    "Its heading on the API page, and the realm of its credentials."

    scheme: ClassVar[str | None] = "basic"
    "The security scheme of the API page; None where credentials are fields."

    @property
    def operation(self) -> str:
        """Its name on the API page."""
        return self.page

    # -- what a family decides -------------------------------------------------------------------

    def form(self, request: Request) -> Form:
        """Of the reply."""
        return form_of(request.headers.get("accept", ""))

    async def admit(self, request: Request, db: Database) -> Scope:
        """Whose request this is. Raises `RequestError`."""
        sent = credentials(request.headers)
        if not isinstance(sent, tuple):
            raise RequestError(401, texts.HEADER_MISSING if sent is None else texts.HEADER_MALFORMED)
        return await accounts.authenticate_key(db, *sent)

    def succeeded(self, body: Body, form: Form) -> AsyncIterator[bytes]:
        return pieces(body, form)

    def failed(self, text: str, form: Form) -> bytes:
        return encode({"error": text}, form)

    def refused(self, error: RequestError) -> tuple[int, str]:
        """Status and text."""
        return error.status, texts.text_of(error)

    # -- what holds for all ----------------------------------------------------------------------

    async def serve(self, request: Request) -> Response:
        form = self.form(request)
        db: Database = request.app.state.db
        headers: dict[str, str] = {}
        try:
            reply = await self._checked(request, db)
            headers = dict(reply.headers)
            if reply.body is None:
                return Response(status_code=reply.status, headers=headers)
            return await _written(self.succeeded(reply.body, form), reply.status, headers, MEDIA_TYPE[form])
        except RequestError as error:
            status, text = self.refused(error)
            body = self.failed(text, form)
            if error.status == 401:
                headers["WWW-Authenticate"] = f'{"Basic" if self.scheme else "Form"} realm="{self.family}"'
            if error.status == 405:
                headers["Allow"] = self.method
        except (BodyTooLarge, ClientDisconnect):
            raise
        except FAILURES:
            log.exception("%s %s", request.method, self.path)
            status, body = 500, self.failed(texts.DATABASE, form)
        except Exception:  # noqa: BLE001 - the containment point of one request
            reference = secrets.token_hex(4)
            log.error("request %s, %s %s: %s", reference, request.method, self.path, traceback.format_exc())
            status, body = 500, self.failed(texts.INTERNAL.format(reference=reference), form)
        return Response(body, status, headers, MEDIA_TYPE[form])

    async def _checked(self, request: Request, db: Database) -> Reply:
        if request.method != self.method:
            raise RequestError(405, texts.METHOD.format(method=self.method))
        scope = await self.admit(request, db)
        return await self.handler(Asked(request, db, scope.through("plum")))


async def _written(pieces: AsyncIterator[bytes], status: int, headers: Mapping[str, str], media_type: str) -> Response:
    """A reply of one piece as it is; a longer one as it comes. What fails before the second piece raises here, so that
    it can still be told; what fails later cuts the reply short, which chunked coding lets a client see."""
    first = await anext(pieces)
    second = await anext(pieces, None)
    if second is None:
        return Response(first, status, headers, media_type)

    async def all_of_it() -> AsyncIterator[bytes]:
        yield first
        yield second
        async for piece in pieces:
            yield piece

    return StreamingResponse(all_of_it(), status, headers, media_type)
