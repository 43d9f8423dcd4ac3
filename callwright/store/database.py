"""The connection pool of one process, and waiting for notifications."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cached_property
from typing import Any

import asyncpg

from callwright.store.sealing import Sealer

Connection = Any
"An asyncpg connection, inside a transaction."

RECONNECT_S = 1.0
"Between two tries to listen again; long enough not to hammer a server that is starting."

PROBE_S = 30.0
"A listener asks this often whether its server is still there: a dead peer sends nothing."

LOCK_RETRY_S = 2.0
LOCK_PROBE_S = 5.0
"How soon it is noticed that a lock is lost: until then two may do the same work, so what they take is leased as well."

COMMAND_TIMEOUT_S = 30.0
"No statement of ours takes longer unless the server is stuck."

CONNECT_TIMEOUT_S = 10.0

REFUSALS = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, UnicodeError)
"What the database will never take, however often it is tried."

FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""What a database that is down, gone or too slow raises. A connection that is cut at the wrong moment is in a state that the
driver calls an internal error."""


async def _as_it_is(_: Connection) -> None:
    """Nothing of ours leaves settings, locks or cursors in a session, so it need not be reset: that would be one more
    round trip after every statement, and a statement that was committed would fail with it."""


class _OneConnection:
    """A pool that has nothing else to give."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    @contextlib.asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        yield self._connection


class Database:
    """An open pool. Queries are in `callwright.store`, one file for each noun."""

    def __init__(self, url: str, pool: Any, sealing_key: str) -> None:
        self.url = url
        self.pool = pool
        self.sealing_key = sealing_key
        self.gatherings: dict[Any, Any] = {}
        "What clients ask at the same time, of `gathering`."

    @cached_property
    def sealer(self) -> Sealer:
        """Seals what may not be read in a table. Raises `ProviderError` in a process that was given no key."""
        return Sealer(self.sealing_key)

    @classmethod
    async def open(cls, url: str, *, size: int = 4, sealing_key: str = "", replans: bool = False) -> "Database":
        """`url` is postgresql://…, as asyncpg takes it; `size` bounds the connections of this process. It connects when it is
        asked something.

        `replans`: each statement is planned for what is there now. For processes that live on queues: a plan that is kept from
        an empty queue reads all of a full one, for ever, and a batch pays for its planning many times over.
        """
        pool = await asyncpg.create_pool(
            url,
            # None is kept open for its own sake: a process may start, and live, while the database is away.
            min_size=0,
            max_size=size,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
            reset=_as_it_is,
            server_settings={"plan_cache_mode": "force_custom_plan"} if replans else {},
        )
        return cls(url, pool, sealing_key)

    async def close(self) -> None:
        await self.pool.close()

    async def ping(self, timeout_s: float) -> None:
        """Raises one of `FAILURES` where the database does not answer in time."""
        await self.pool.fetchval("SELECT 1", timeout=timeout_s)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a transaction: committed at the end, rolled back by an exception."""
        async with self.pool.acquire() as connection, connection.transaction():
            yield connection

    @contextlib.asynccontextmanager
    async def whole(self) -> AsyncIterator["Database"]:
        """This database in one transaction: all that is done with it is committed at the end, or nothing is. One statement at
        a time."""
        async with self.transaction() as connection:
            yield Database(self.url, _OneConnection(connection), self.sealing_key)

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """A connection on which several queries see the database at one and the same moment."""
        async with (
            self.pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection

    async def while_locked(self, first: int, second: int, work: Callable[[], Awaitable[None]]) -> None:
        """Do `work` while holding an advisory lock that one connection of all can hold; wait for it first.

        Work is cancelled when the connection is lost, and with it the lock: then one of `FAILURES` is raised.
        """
        connection = await asyncpg.connect(self.url, timeout=CONNECT_TIMEOUT_S, command_timeout=COMMAND_TIMEOUT_S)
        try:
            lock = "SELECT pg_try_advisory_lock($1, $2)"
            while not await connection.fetchval(lock, first, second):  # noqa: ASYNC110 - its holder is elsewhere
                await asyncio.sleep(LOCK_RETRY_S)
            working = asyncio.ensure_future(work())
            try:
                while not working.done():
                    await asyncio.wait([working], timeout=LOCK_PROBE_S)
                    await connection.fetchval("SELECT 1")
            finally:
                working.cancel()
                await asyncio.wait([working])
            working.result()
        finally:
            connection.terminate()

    async def listen(self, channel: str, callback: Callable[[], None]) -> None:
        """Call back at each notification until cancelled; run it in the caller's task group.

        It calls back after each (re)connection too, because some may have been missed before.
        """
        while True:
            with contextlib.suppress(*FAILURES):
                await self._listen_once(channel, callback)
            await asyncio.sleep(RECONNECT_S)

    async def _listen_once(self, channel: str, callback: Callable[[], None]) -> None:
        connection = await asyncpg.connect(self.url, timeout=CONNECT_TIMEOUT_S, command_timeout=COMMAND_TIMEOUT_S)
        try:
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(channel, lambda *_: callback())
            callback()
            while not lost.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(lost.wait(), PROBE_S)
                    return
                await connection.fetchval("SELECT 1")
        finally:
            connection.terminate()
