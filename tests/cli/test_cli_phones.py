"""`callwright phones` against the API."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from click.testing import CliRunner, Result
from served import served_here

from callwright.base.config import Config
from callwright.cli.phones import command
from callwright.providers.http import GuardedClient
from callwright.providers.pool_client import PoolClient
from callwright.services import phones
from callwright.web.app import create_app

pytestmark = pytest.mark.store


@pytest.fixture
async def server(db, database_url, tmp_path) -> AsyncIterator[str]:
    """The API on a free port."""
    http = GuardedClient((), True)
    config = Config(data_dir=str(tmp_path / "data"), database_url=database_url)
    async with served_here(create_app(config, db, http, PoolClient(config.pool_socket))) as url:
        yield url
    await http.aclose()


async def test_added_listed_and_removed(server, db, world, other):
    async def callwright(*arguments: str, whose=world) -> Result:
        options = ["--url", server, "--user", whose.account.email, "--key", whose.account.developer_key]
        return await asyncio.to_thread(CliRunner().invoke, command, [arguments[0], *options, *arguments[1:]])

    assert "There is no phone" in (await callwright("list")).output
    added = await callwright("add", "ann", "--extension", "201", "--display-name", "Ann", "--calls-out")
    assert added.exit_code == 0, added.output
    secret = added.output.split()[-1]
    (known,) = await phones.known(db)
    assert (phones.secret_of(db, known), known.calls_out) == (secret, True)
    assert (await callwright("list")).output.split() == ["ann", "201", '"Ann"', "not", "registered,", "calls", "out"]
    assert "ann" not in (await callwright("list", whose=other)).output
    taken = await callwright("add", "ann", whose=other)
    assert taken.exit_code == 1 and "The name ann is taken." in taken.output
    assert (await callwright("remove", "ann", whose=other)).exit_code == 1
    assert (await callwright("remove", "ann")).exit_code == 0
    assert await phones.known(db) == []
