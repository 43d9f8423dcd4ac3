"""Writes what happens in calls to the database, all calls together, twice a second where anything happens.

One transaction for everything of a moment costs far less than one for each thing. While the database is away the
batch waits and grows, up to `WAITING_MAX`; then the engine takes no new calls (`full`), so nothing is lost.
"""

import asyncio
import logging
from collections import deque
from dataclasses import fields

from callwright.services import calls
from callwright.services.calls import CallBatch
from callwright.session.codec import encode_entry
from callwright.session.lines import error_of
from callwright.session.run import Entry
from callwright.store.calls import CallError, ClosedCall, OpenedCall
from callwright.store.database import FAILURES, REFUSALS, Database
from callwright.store.dialing import Finish
from callwright.store.legs import LegRow
from callwright.store.waking import nap

log = logging.getLogger(__name__)

FLUSH_S = 0.5
"A transaction costs as much for one call as for ten: by 0.2 s, 50 calls at once cost 5 % more."

FINISHED_S = 0.2
"Of an outbound call that is over: it has a channel of its trunk until that is written."

WAITING_MAX = 200_000
"Rows that may wait for a database that is away: some ten minutes of 300 calls."

IDS_AHEAD = 4000
"Calls that may begin between two flushes, by far more than one engine can answer."
RETRY_S = 1.0

ERRORS_MAX = 100
"Of one call that are kept for long: an application that fails in a circle says nothing new."

ERROR_CHARACTERS_MAX = 2000


class _Open:
    """A call that runs."""

    __slots__ = ("_call", "errors", "seq")

    def __init__(self, call: OpenedCall) -> None:
        self._call = call
        self.seq = 0
        "Of its next entry."

        self.errors = 0

    def error(self, at: float, message: str) -> CallError:
        call = self._call
        return CallError(
            call_id=call.id,
            seq=self.seq,
            at=at,
            account_id=call.account_id,
            user_id=call.user_id,
            session_id=call.session_id,
            direction=call.direction,
            src=call.src,
            dest=call.dest,
            number=call.number,
            message=message[:ERROR_CHARACTERS_MAX],
        )


class Writer:
    """The engine's pen. `run` writes until cancelled; then `finish` writes what is left."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._batch = CallBatch()
        self._failed: CallBatch | None = None
        "A batch whose writing failed: it comes before all others, and may have been committed all the same."

        self._ids: deque[int] = deque()
        self._open: dict[int, _Open] = {}
        self._woken = asyncio.Event()
        "There is something to write."

        self._hurried = asyncio.Event()
        "There is something that others wait for."

    @property
    def waiting(self) -> int:
        """Rows that are not written yet."""
        return len(self._batch) + len(self._failed or ())

    @property
    def full(self) -> bool:
        return self.waiting >= WAITING_MAX or not self._ids

    async def run(self) -> None:
        while True:
            await self._woken.wait()
            await nap(self._hurried, FLUSH_S - FINISHED_S)
            await asyncio.sleep(FINISHED_S)
            self._woken.clear()
            await self.flush()

    async def flush(self) -> None:
        """Write what waits. What cannot be written now waits on."""
        try:
            if len(self._ids) < IDS_AHEAD // 2:
                self._ids += await calls.reserve_ids(self._db, IDS_AHEAD)
            if self._failed is not None:
                if not await calls.is_written(self._db, self._failed):
                    await self._write(self._failed)
                self._failed = None
            if len(self._batch):
                self._failed, self._batch = self._batch, CallBatch()
                await self._write(self._failed)
                self._failed = None
        except FAILURES as error:
            log.warning("the journal waits for the database: %s", error)
            self._woken.set()
            await asyncio.sleep(RETRY_S)

    async def finish(self) -> None:
        """Write all that waits, however long the database is away: the caller sets the bound."""
        while self.waiting:
            await self.flush()

    async def _write(self, batch: CallBatch) -> None:
        try:
            await calls.write(self._db, batch)
        except REFUSALS as error:
            # The kind only: what the database says of a row has the row in it, and that may be private.
            log.error("the journal is written row by row, for a row was refused: %s", type(error).__name__)
            await self._write_each(batch)

    async def _write_each(self, batch: CallBatch) -> None:
        """One row that the database refuses must not keep all others waiting for ever. What is written leaves the batch."""
        for kind in (field.name for field in fields(batch)):
            rows = getattr(batch, kind)
            while rows:
                try:
                    await calls.write(self._db, CallBatch(**{kind: rows[:1]}))
                except REFUSALS as error:
                    log.error("a row of the journal is lost: one of %s, %s", kind, type(error).__name__)
                del rows[0]

    def next_id(self) -> int:
        """An id for a call that begins now. Not to be called while `full`."""
        return self._ids.popleft()

    def give_back(self, call_id: int) -> None:
        """The call did not begin."""
        self._ids.appendleft(call_id)

    def _more(self) -> CallBatch:
        """The batch that something is added to now."""
        self._woken.set()
        return self._batch

    def opened(self, call: OpenedCall) -> None:
        self._open[call.id] = _Open(call)
        self._more().opened.append(call)

    def entry(self, call_id: int, entry: Entry) -> None:
        call = self._open[call_id]
        self._more().events.append((call_id, call.seq, entry.at, encode_entry(entry).decode()))
        if call.errors < ERRORS_MAX and (message := error_of(entry)):
            call.errors += 1
            self._batch.errors.append(call.error(entry.at, message))
        call.seq += 1

    def closed(self, call: ClosedCall) -> None:
        del self._open[call.id]
        self._more().closed.append(call)

    def leg(self, leg: LegRow) -> None:
        """A leg is over."""
        self._more().legs.append(leg)

    def connected(self, attempt_id: int, at: float) -> None:
        self._more().connected.append((attempt_id, at))

    def finished(self, finish: Finish) -> None:
        self._hurried.set()
        self._more().finished.append(finish)
