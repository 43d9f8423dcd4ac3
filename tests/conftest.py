"""A real PostgreSQL for the tests that ask for one: started once, one database for each test."""

import asyncio
import os
import secrets
import shutil
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg
import hypothesis
import pytest

from callwright.cli._postgres import EmbeddedPostgres
from callwright.services import accounts, applications, deployments, first_start, numbers, publishing, trunks
from callwright.services.accounts import NewAccount
from callwright.store.database import Database
from callwright.store.migrate import migrate
from callwright.store.scope import Scope
from callwright.store.sealing import new_key
from callwright.store.trunks import TrunkRow

TEMPLATE = "callwright_template"

TEST_S = {"pure": 0, "store": 1, "wire": 3, "interop": 5}
"What a test of each floor takes, about."

LONG = 1 / 4
"Of the time that a test may have which asks for more than others (`timeout`): about what it takes."

PLATFORM_S = 10
"The start of a whole platform, about, that the tests of a file share."

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("callwright", deadline=None)
hypothesis.settings.load_profile("callwright")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Several workers take the files that take longest first: none is left with a long one when the others have done."""
    if not hasattr(config, "workerinput"):
        return
    taking_s: defaultdict[Path, float] = defaultdict(float)
    for item in items:
        longer = item.get_closest_marker("timeout")
        usual = max((TEST_S.get(mark.name, 0) for mark in item.iter_markers()), default=0)
        taking_s[item.path] += usual if longer is None else LONG * longer.args[0]
    for path in {item.path for item in items if "platform" in getattr(item, "fixturenames", ())}:
        taking_s[path] += PLATFORM_S
    items.sort(key=lambda item: -taking_s[item.path])


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A server with a migrated template database. CALLWRIGHT_TEST_DATABASE_URL names another one, to its `postgres` database."""
    given = os.environ.get("CALLWRIGHT_TEST_DATABASE_URL")
    if given:
        asyncio.run(_make_template(given))
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="cw-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder, throwaway=True)
    asyncio.run(server.start())
    try:
        url = server.url.replace("/callwright?", "/postgres?")
        asyncio.run(_make_template(url))
        yield url
    finally:
        asyncio.run(server.stop())
        shutil.rmtree(folder, ignore_errors=True)


def _named(url: str, database: str) -> str:
    head, _, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/{database}?{query}"


async def _make_template(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(f"DROP DATABASE IF EXISTS {TEMPLATE}")
    await connection.execute(f"CREATE DATABASE {TEMPLATE}")
    await connection.close()
    await migrate(_named(url, TEMPLATE))


@pytest.fixture
async def database_url(postgres_url: str) -> AsyncIterator[str]:
    """A migrated database of this test's own."""
    name = f"test_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    try:
        yield _named(postgres_url, name)
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url, size=10, sealing_key=new_key())
    yield opened
    await opened.close()


@dataclass(frozen=True)
class World:
    """An account with a published application, a deployment with a number, and a trunk for every number."""

    account: NewAccount
    application_id: int
    deployment_id: int
    number: str
    trunk: TrunkRow

    @property
    def scope(self) -> Scope:
        return self.account.scope


async def make_world(db: Database, name: str, *, number: str, prefix: str = "", channels: int = 10) -> World:
    account = await accounts.create_account(db, name=name, email=f"{name}@example.test", password="Secret-123")
    document = applications.read_document(first_start.starter_document())
    application_id = await applications.create(db, account.scope, document)
    await publishing.publish(db, account.scope, application_id)
    deployment_id = await deployments.create(db, account.scope, application_id=application_id, version=None, label=name)
    await numbers.create(db, account.scope, address=number, deployment_id=deployment_id)
    trunk = TrunkRow(0, "trunk", "127.0.0.1", 5999, prefix, channels, 100.0, "2125550100", True)
    trunk = replace(trunk, id=await trunks.create(db, account.scope, trunk))
    return World(account, application_id, deployment_id, number, trunk)


@pytest.fixture
async def world(db: Database) -> World:
    return await make_world(db, "ann", number="8005550111")


@pytest.fixture
async def other(db: Database) -> World:
    """Another account, which must see nothing of `world`."""
    return await make_world(db, "bob", number="8005550222")
