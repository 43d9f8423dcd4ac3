"""The manner of DEV's REST services: the web site's login and password on each request, and one envelope for every
answer (docs/compatibility/dev-authentication.md)."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from starlette.requests import Request

from callwright.base.errors import NotFound, RequestError, Unauthorized
from callwright.services import passwords
from callwright.store.database import Database
from callwright.store.scope import Scope
from callwright.web.basic import credentials
from callwright.web.plum import texts
from callwright.web.plum.encoding import Body, Form, Manner, encode, pieces, singular
from callwright.web.plum.endpoint import Endpoint, Field

OWN_STATUS = frozenset({401, 405, 413, 429, 503})
"Refusals with a status of their own; any other is told in the envelope alone, with 200."

CODES: Mapping[int, str] = {
    200: "The envelope: status `success` with a result, or `failure` with an error.",
    401: "Login or password is missing or wrong, or the account is inactive.",
    405: "Another method.",
    429: "Too many wrong passwords.",
    500: "Database error.",
}


@dataclass(frozen=True)
class DevEndpoint(Endpoint):
    """A row of the table, in DEV's manner. Its handler's reply is the `result` of the envelope."""

    service: str = ""
    "Its name: in the text of a refusal, and the root of its XML."

    family: ClassVar[str] = "Plum DEV"
    scheme: ClassVar[str | None] = "dev"

    @property
    def operation(self) -> str:
        return f"{self.page}-{self.service}"

    async def admit(self, request: Request, db: Database) -> Scope:
        sent = credentials(request.headers)
        if not isinstance(sent, tuple):
            raise Unauthorized("unknown")
        return await passwords.authenticate(db, *sent, client=request.client.host if request.client else "")

    def succeeded(self, body: Body, form: Form) -> AsyncIterator[bytes]:
        return pieces({"status": "success", "error": "", "result": body}, form, self._manner)

    def failed(self, text: str, form: Form) -> bytes:
        return encode({"status": "failure", "error": text}, form, self._manner)

    @property
    def _manner(self) -> Manner:
        # Slashes escaped as PHP does: a client may compare texts.
        return Manner(self.service, singular, escapes=True)

    def refused(self, error: RequestError) -> tuple[int, str]:
        status = error.status if error.status in OWN_STATUS or error.status >= 500 else 200
        if error.status == 401:
            return status, texts.DEV_UNAUTHORIZED.format(service=self.service)
        return status, texts.dev_text_of(error)


SUFFIX = Field("suffix", "json or xml.", True, where="path")


@dataclass(frozen=True)
class SuffixEndpoint(DevEndpoint):
    """A row of the table whose path has `.json` or `.xml` in it, which says what the reply is."""

    def form(self, request: Request) -> Form:
        return "xml" if request.path_params["suffix"] == "xml" else "json"

    async def admit(self, request: Request, db: Database) -> Scope:
        scope = await super().admit(request, db)
        if request.path_params["suffix"] not in ("json", "xml"):
            raise NotFound("page")
        return scope

    @property
    def _manner(self) -> Manner:
        # The samples of these services have their slashes as they are, unlike those of the call logs.
        return Manner(self.service, singular)
