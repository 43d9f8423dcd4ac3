"""Writes what happens in calls to the database, all calls together, five times a second.

One transaction for everything of a moment costs far less than one for each thing. While the database is away the
batch waits and grows, up to `WAITING_MAX`; then the engine takes no new calls (`full`), so nothing is lost.
"""

import asyncio
import logging
from collections import deque

from callwright.services import calls
from callwright.services.calls import CallBatch
from callwright.session.codec import encode_entry
from callwright.session.run import Entry
from callwright.store.calls import ClosedCall, OpenedCall
from callwright.store.database import FAILURES, Database
from callwright.store.dialing import Finish

log = logging.getLogger(__name__)

FLUSH_S = 0.2
WAITING_MAX = 200_000
"Rows that may wait for a database that is away: some ten minutes of 300 calls."

IDS_AHEAD = 4000
"Calls that may begin between two flushes, by far more than one engine can answer."
RETRY_S = 1.0


class Writer:
    """The engine's pen. `run` writes until cancelled; `flush` once more at the end."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._batch = CallBatch()
        self._ids: deque[int] = deque()
        self._sequence: dict[int, int] = {}

    @property
    def full(self) -> bool:
        return len(self._batch) >= WAITING_MAX or not self._ids

    async def run(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            await self.flush()

    async def flush(self) -> None:
        """Write what waits. What cannot be written now waits on."""
        try:
            if len(self._ids) < IDS_AHEAD // 2:
                self._ids += await calls.reserve_ids(self._db, IDS_AHEAD)
            if not len(self._batch):
                return
            batch, self._batch = self._batch, CallBatch()
            try:
                await calls.write(self._db, batch)
            except BaseException:
                self._put_back(batch)
                raise
        except FAILURES as error:
            log.warning("the journal waits for the database: %s", error)
            await asyncio.sleep(RETRY_S)

    def _put_back(self, batch: CallBatch) -> None:
        later = self._batch
        for name in ("opened", "events", "closed", "connected", "finished"):
            getattr(batch, name).extend(getattr(later, name))
        self._batch = batch

    def next_id(self) -> int:
        """An id for a call that begins now. Not to be called while `full`."""
        return self._ids.popleft()

    def give_back(self, call_id: int) -> None:
        """The call did not begin."""
        self._ids.appendleft(call_id)

    def opened(self, call: OpenedCall) -> None:
        self._sequence[call.id] = 0
        self._batch.opened.append(call)

    def entry(self, call_id: int, entry: Entry) -> None:
        sequence = self._sequence[call_id]
        self._sequence[call_id] = sequence + 1
        self._batch.events.append((call_id, sequence, entry.at, encode_entry(entry).decode()))

    def closed(self, call: ClosedCall) -> None:
        del self._sequence[call.id]
        self._batch.closed.append(call)

    def connected(self, attempt_id: int, at: float) -> None:
        self._batch.connected.append((attempt_id, at))

    def finished(self, finish: Finish) -> None:
        self._batch.finished.append(finish)
