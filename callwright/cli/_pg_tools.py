"""pg_dump, pg_restore and psql, as the wheel brings them, on a database that a URL names.

A password never stands in a command line, which every user of the machine may read: it goes by the environment.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO
from urllib.parse import parse_qsl, unquote, urlsplit

from callwright.base.errors import ProviderError
from callwright.cli._postgres import reachable_programs
from callwright.store.copies import SET_ASIDE, Facts

RUN_S_MAX = 12 * 3600.0
"A dump or a load that takes longer is stuck."

LOCK_MS_MAX = 30_000
"How long a dump waits for a migration that runs."

TIMEOUT_SINCE = 17
"The server that first knows `transaction_timeout`, which pg_restore sets whatever the server."

SAID_MAX = 400
"Characters of an error that are shown."

_BY_URL = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "database": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
}


def check_version(found: Facts) -> None:
    """Raises `ProviderError` where the server is newer than our programs, which then refuse it."""
    ours = int(_programs().name.removeprefix("pginstall"))
    if found.major > ours:
        raise ProviderError(
            f"the server is PostgreSQL {found.major}, and this release has the programs of {ours}: "
            f"back the database up with the pg_dump of {found.major}"
        )


def dump(url: str, to: IO[bytes]) -> None:
    """Write the database as pg_dump's custom format: one consistent moment, whatever is written meanwhile."""
    command = [_program("pg_dump"), "--format=custom", "--no-owner", "--no-privileges"]
    command += [f"--exclude-schema={SET_ASIDE}*", f"--lock-wait-timeout={LOCK_MS_MAX}"]
    done = subprocess.run(command, env=_environment(url), stdout=to, stderr=subprocess.PIPE, timeout=RUN_S_MAX)
    if done.returncode:
        raise ProviderError(f"pg_dump failed: {_said(done.stderr)}")


def load(url: str, dumped: Path, *, major: int, first: str = "") -> None:
    """Fill a database, in one transaction: all of it, or nothing. `first`: SQL that goes before."""
    with tempfile.TemporaryFile() as restore_said, tempfile.TemporaryFile() as psql_said:
        restoring = subprocess.Popen(
            [_program("pg_restore"), "--file=-", "--no-owner", "--no-privileges", str(dumped)],
            stdout=subprocess.PIPE,
            stderr=restore_said,
        )
        loading = subprocess.Popen(
            [
                *(_program("psql"), "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"),
                *("--output=/dev/null", "--file=-"),
            ],
            env=_environment(url),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=psql_said,
        )
        assert restoring.stdout is not None and loading.stdin is not None
        try:
            try:
                _pipe(restoring.stdout, loading.stdin, first, skip_timeout=major < TIMEOUT_SINCE)
            except BrokenPipeError:
                pass  # psql has given up, and says why.
            finally:
                restoring.stdout.close()
            failed = [loading.wait(RUN_S_MAX), restoring.wait(RUN_S_MAX)]
        finally:
            loading.kill()
            restoring.kill()
        if any(failed):
            said = psql_said if failed[0] else restore_said
            said.seek(0)
            raise ProviderError(f"the database could not be loaded: {_said(said.read())}")


def _pipe(source: IO[bytes], to: IO[bytes], first: str, *, skip_timeout: bool) -> None:
    with to:
        to.write(first.encode())
        for line in source:
            if not (skip_timeout and line.startswith(b"SET transaction_timeout")):
                to.write(line)
            if line.startswith(b"CREATE "):
                break  # The settings come first; what follows may be data that only looks like one.
        shutil.copyfileobj(source, to)


def _programs() -> Path:
    return reachable_programs(private=False)


def _program(name: str) -> str:
    return str(_programs() / "bin" / name)


def _environment(url: str) -> dict[str, str]:
    """What libpq takes from the environment in place of a URL."""
    parts = urlsplit(url)
    given = {
        "host": parts.hostname or "",
        "port": str(parts.port or ""),
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "dbname": unquote(parts.path.lstrip("/")),
        **dict(parse_qsl(parts.query)),
    }
    unknown = sorted(name for name in given if name not in _BY_URL)
    if unknown:
        raise ProviderError(f"DATABASE_URL has {unknown[0]}, which pg_dump is not told; known are {', '.join(_BY_URL)}")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {_BY_URL[name]: value for name, value in given.items() if value} | {"PGCONNECT_TIMEOUT": "10"}


def _said(stderr: bytes) -> str:
    return stderr.decode(errors="replace").strip()[-SAID_MAX:] or "it did not say why"
