"""Answers texts by applications: takes the turns of conversations, has those ended that nobody answers, and deletes what is old."""

import asyncio
import logging
import time

from callwright.conversation.text_turn import TextTurn, Tools
from callwright.services import text_sessions
from callwright.store.database import FAILURES, Database
from callwright.store.text_sessions import DueTurn
from callwright.store.waking import nap

log = logging.getLogger(__name__)

AT_ONCE = 20
"Turns in hand: each may wait for a web service."

RENEW_S = 5.0
"A third of a lease: two renewals may fail."

SWEEP_S = 10.0
IDLE_S_MAX = 5.0


class TextSessions:
    """The job. `run` works until cancelled; `wake` ends its nap."""

    def __init__(self, db: Database, tools: Tools) -> None:
        self._db, self._tools = db, tools
        self._woken = asyncio.Event()
        self._in_hand: dict[int, DueTurn] = {}

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as work:
            work.create_task(self._renew())
            work.create_task(self._sweep())
            while True:
                try:
                    wait_s = await self._claim(work)
                except FAILURES as error:
                    log.warning("conversations by text wait for the database: %s", error)
                    wait_s = IDLE_S_MAX
                if wait_s:
                    await nap(self._woken, wait_s)

    async def _claim(self, work: asyncio.TaskGroup) -> float:
        """Take what is due, as far as there is room. How long to wait for more."""
        room = AT_ONCE - len(self._in_hand)
        if not room:
            return IDLE_S_MAX
        turns = await text_sessions.claim(self._db, limit=room)
        for turn in turns:
            self._in_hand[turn.id] = turn
            work.create_task(self._take(turn))
        if turns:
            return 0.0
        due = await text_sessions.next_due(self._db)
        return IDLE_S_MAX if due is None else min(max(due - time.time(), 0.01), IDLE_S_MAX)

    async def _take(self, turn: DueTurn) -> None:
        try:
            await TextTurn(self._db, self._tools, turn).take()
        except FAILURES as error:
            log.warning("turn %d waits for the database: %s", turn.id, error)
        finally:
            del self._in_hand[turn.id]
        # There is room, and what waited behind it, of the same pair of numbers, may be claimed.
        self._woken.set()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                if self._in_hand:
                    await text_sessions.renew(self._db, list(self._in_hand.values()))
            except FAILURES as error:
                log.warning("leases of turns are not renewed: %s", error)

    async def _sweep(self) -> None:
        while True:
            try:
                if late := await text_sessions.expire(self._db):
                    log.info("%d conversation(s) by text were not answered in time", late)
                while await text_sessions.delete_outlived(self._db):
                    pass
            except FAILURES as error:
                log.warning("old conversations by text wait for the database: %s", error)
            await asyncio.sleep(SWEEP_S)
