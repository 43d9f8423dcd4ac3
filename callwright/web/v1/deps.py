"""Who asks, and how long lists may be: what every route of /v1 needs."""

from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from pydantic import AfterValidator

from callwright.base.config import Config
from callwright.base.errors import RequestError
from callwright.services import accounts
from callwright.store.database import Database
from callwright.store.scope import Scope
from callwright.web.basic import credentials

PAGE_DEFAULT = 100
PAGE_MAX = 1_000

_basic = HTTPBasic(scheme_name="basic", description="Email and developer key.", auto_error=False)


def _db(request: Request) -> Database:
    db: Database = request.app.state.db
    return db


def _config(request: Request) -> Config:
    config: Config = request.app.state.config
    return config


Db = Annotated[Database, Depends(_db)]
Settings = Annotated[Config, Depends(_config)]


async def _scope(request: Request, db: Db, _: Annotated[HTTPBasicCredentials | None, Depends(_basic)]) -> Scope:
    sent = credentials(request.headers)
    if not isinstance(sent, tuple):
        raise RequestError(401, "Send your email and developer key by HTTP Basic authentication.")
    return await accounts.authenticate_key(db, *sent)


Asker = Annotated[Scope, Depends(_scope)]


def _id(given: int) -> int:
    """An id that the database can hold; 0, which no row has, for any other."""
    return given if 0 < given < 2**63 else 0


Id = Annotated[int, AfterValidator(_id)]
"An id in a path: what none can be is not found."

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="Records of a page.")]
After = Annotated[int, Query(ge=0, lt=2**63, description="Only ids above this one: the last id of the page before.")]
