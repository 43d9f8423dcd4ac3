"""A first start that is killed at any moment is followed by one that works."""

import asyncio
import json
import subprocess
import sys
from dataclasses import asdict

import pytest

from callwright.base.config import Config
from callwright.base.errors import ProviderError
from callwright.services import accounts, passwords
from callwright.services.first_start import FirstStart, first_start

pytestmark = pytest.mark.store

KILLED_S_MAX = 60.0

_KILLED = """
import asyncio, os, pathlib, signal, sys
from callwright.base.config import Config
from callwright.services.first_start import first_start
from callwright.store.database import Database

def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

kind, name = sys.argv[1].split(".")
setattr({"os": os, "Path": pathlib.Path}[kind], name, killed)

async def main():
    db = await Database.open(sys.argv[2], size=1, sealing_key=sys.argv[4])
    await first_start(db, Config(data_dir=sys.argv[3], database_url=sys.argv[2]))

asyncio.run(main())
"""


def _config(tmp_path, database_url: str) -> Config:
    return Config(data_dir=str(tmp_path), database_url=database_url)


@pytest.mark.parametrize(
    "at",
    [
        pytest.param("Path.touch", id="all is made, not committed, and no secret is written"),
        pytest.param("os.fsync", id="secrets are written, and nothing is committed"),
        pytest.param("Path.rename", id="all is committed, and the secrets have not their name yet"),
    ],
)
async def test_a_first_start_that_was_killed(db, database_url, tmp_path, at):
    command = [sys.executable, "-c", _KILLED, at, database_url, str(tmp_path), db.sealing_key]
    killed = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=KILLED_S_MAX)
    assert killed.returncode == -9, killed.stderr
    assert await db.pool.fetchval("SELECT count(*) FROM accounts") == (1 if at == "Path.rename" else 0)

    made = await first_start(db, _config(tmp_path, database_url))
    scope = await accounts.authenticate_key(db, made.email, made.developer_key)
    assert await passwords.authenticate(db, made.dev_login, made.dev_password, client="a") == scope
    assert await passwords.authenticate(db, made.dev_login, made.dev_pin, client="a", pin=True) == scope
    assert await db.pool.fetchval("SELECT count(*) FROM accounts") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.json"]
    assert json.loads((tmp_path / "secrets.json").read_text()) == asdict(made)
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert await first_start(db, _config(tmp_path, database_url)) == made


OF_ANOTHER = FirstStart("ann@example.test", "its key", "", "", "", 1, 1, "", "", "", "")


@pytest.mark.parametrize("left", ["", "{", "[]", "{}", json.dumps(asdict(OF_ANOTHER))])
async def test_secrets_that_are_gone_are_not_made_up(db, world, database_url, tmp_path, left):
    if left:
        (tmp_path / "secrets.part").write_text(left)
    with pytest.raises(ProviderError, match="put it back"):
        await first_start(db, _config(tmp_path, database_url))
    assert not (tmp_path / "secrets.json").exists()
