"""Looks for a value that must be nowhere: in every table, in every file of a platform, and in what a server was sent."""

import base64
import re
from collections.abc import Iterable
from pathlib import Path

import asyncpg

from callwright.sip.ladder import unpacked

FILE_BYTES_MAX = 64 << 20


def forms(canary: str) -> list[bytes]:
    """The value as it may have been written: plain, escaped, in base64 at each of its three places."""
    raw = canary.encode()
    found = [raw, canary.encode("utf-16-le"), "".join(f"%{byte:02x}" for byte in raw).encode()]
    for lead in range(3):
        # The characters at both ends hold bits of what stands beside it.
        text = base64.b64encode(b"\0" * lead + raw)
        found.append(text[(0, 2, 3)[lead] : len(raw) * 4 // 3 - 1])
    return found


async def in_database(url: str, canaries: Iterable[str]) -> list[str]:
    """Where they stand: `table.column: canary`. Every row of every table, as text."""
    connection = await asyncpg.connect(url)
    found = []
    try:
        tables = await connection.fetch(
            "SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
        )
        assert tables
        for table in tables:
            for row in await connection.fetch(f"SELECT * FROM {table['name']}"):
                for column, value in row.items():
                    data = value if isinstance(value, bytes) else str(value).encode()
                    if table["name"].startswith("call_legs") and column == "messages":
                        data = b"".join(message.data for message in unpacked(value))
                    found += [f"{table['name']}.{column}: {canary}" for canary in canaries if _holds(data, canary)]
    finally:
        await connection.close()
    return found


def in_files(folder: Path, canaries: Iterable[str], *, besides: Iterable[str] = ()) -> list[str]:
    """Which files hold them, in their names too; `besides` are regular expressions of paths that are not looked at."""
    found = []
    looked = 0
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if not path.is_file() or any(re.search(one, name) for one in besides):
            continue
        looked += 1
        data = name.encode() + b"\0" + path.read_bytes()[:FILE_BYTES_MAX]
        found += [f"{name}: {canary}" for canary in canaries if _holds(data, canary)]
    assert looked, "there was nothing to look at"
    return found


def _holds(data: bytes, canary: str) -> bool:
    return any(form in data for form in forms(canary))
