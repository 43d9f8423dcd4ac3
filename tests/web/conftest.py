"""The HTTP application on a real database, asked over httpx without a socket."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from callwright.base.config import Config
from callwright.providers.http import GuardedClient
from callwright.providers.pool_client import PoolClient
from callwright.services import accounts
from callwright.web.app import create_app

PASSWORD = "Secret-123"
"Of every user that the `world` fixtures make."


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> Config:
    return Config(data_dir=str(tmp_path), database_url=database_url)


@pytest.fixture
async def app(config, db):
    http, pool = GuardedClient((), loopback=True), PoolClient(config.pool_socket)
    yield create_app(config, db, http, pool)
    await pool.close()
    await http.aclose()


@pytest.fixture
async def client(app, world) -> AsyncIterator[httpx.AsyncClient]:
    """Asks as the owner of `world`."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    auth = (world.account.email, world.account.developer_key)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", auth=auth) as opened:
        yield opened


@pytest.fixture
async def stranger(app, other) -> AsyncIterator[httpx.AsyncClient]:
    """Asks as the owner of another account."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    auth = (other.account.email, other.account.developer_key)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", auth=auth) as opened:
        yield opened


@pytest.fixture
async def dev_client(app, world) -> AsyncIterator[httpx.AsyncClient]:
    """Asks as the owner of `world` with the login and password of the web site."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    auth = (world.account.email, PASSWORD)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", auth=auth) as opened:
        yield opened


@pytest.fixture
async def colleague(app, db, world) -> AsyncIterator[httpx.AsyncClient]:
    """Asks as another user of `world`'s account."""
    made = await accounts.create_user(db, world.scope, email="carol@example.test", password=PASSWORD)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    auth = (made.email, made.developer_key)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", auth=auth) as opened:
        yield opened
