"""A server with calls of each kind in its lists."""

import pytest
from examined import PIN
from some_calls import some_calls

from callwright.base.config import Config
from callwright.providers.http import GuardedClient
from callwright.providers.pool_client import PoolClient
from callwright.services import passwords
from callwright.web.app import create_app


@pytest.fixture(autouse=True)
def nobody_has_failed():
    """Wrong passwords are counted for each process, which all tests share."""
    passwords._failures._counted.clear()


@pytest.fixture
async def app(db, database_url, world, tmp_path):
    await some_calls(db, world)
    await passwords.set_pin(db, world.scope, PIN)
    http = GuardedClient((), True)
    config = Config(data_dir=str(tmp_path), database_url=database_url)
    yield create_app(config, db, http, PoolClient(config.pool_socket))
    await http.aclose()
