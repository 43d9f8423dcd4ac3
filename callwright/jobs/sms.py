"""Sends texts by their carriers, and keeps what linked carriers tell.

Each carrier is served by one process at a time, whichever gets its lock in the database first: SMPP allows an account so many
connections, and a rate is kept more evenly by one. What serves a carrier ends and begins anew when its settings change.
"""

import asyncio
import contextlib
import logging
import time
from dataclasses import replace

from pydantic import ValidationError

from callwright.base.phone_numbers import dialled
from callwright.jobs import metrics
from callwright.ports.carrier import (
    Answer,
    Carrier,
    InDoubt,
    NotNow,
    NotStored,
    OutboundText,
    Receipt,
    ReceivedText,
    Store,
)
from callwright.providers import carriers as _all  # noqa: F401 - registers them
from callwright.providers.carriers.account import REGISTRY, Surroundings
from callwright.providers.http import GuardedClient
from callwright.services import sms
from callwright.store.database import FAILURES, REFUSALS, Database
from callwright.store.sms_sending import CarrierRow, DueText

log = logging.getLogger(__name__)

BATCH = 50
"Texts of one claim."

GATHER_S = 0.01
"From the first room to a claim: answers that come together make room for one claim, and not for one each."

LOOK_S = 5.0
"How often carriers are looked for."

SWEEP_S = 15.0
"How often leases that have run out are looked for, texts that wait for a part, and what is to be counted."

IDLE_S_MAX = 5.0
SEND_S_MAX = 40.0
"Of any carrier, within the lease of a claim (60 s)."

KEEP_TRIES, KEEP_AGAIN_S = 20, 1.0
"For an answer that the database does not take at once; past them the text is in doubt."

DRAIN_S = 1.5
"For answers still to come when a carrier is no longer served; a process has `_process.STOP_S_MAX` to end, with all else."

LOCK = 0x5AC0
"First half of the advisory lock of a carrier."


class Texts:
    """The job. `run` works until cancelled; `wake` ends the naps of all senders."""

    def __init__(self, db: Database, http: GuardedClient, public_url: str) -> None:
        self._db, self._http, self._public_url = db, http, public_url
        self._senders: dict[int, tuple[CarrierRow, asyncio.Task[None], asyncio.Event]] = {}

    def wake(self) -> None:
        for _, _, woken in self._senders.values():
            woken.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweep())
            while True:
                try:
                    await self._follow(group, await sms.carriers(self._db))
                except FAILURES as error:
                    log.warning("texts wait for the database: %s", error)
                await asyncio.sleep(LOOK_S)

    async def _sweep(self) -> None:
        while True:
            try:
                await sms.lapse(self._db)
                await sms.count(self._db)
            except FAILURES as error:
                log.warning("texts in doubt wait for the database: %s", error)
            await asyncio.sleep(SWEEP_S)

    async def _follow(self, group: asyncio.TaskGroup, rows: list[CarrierRow]) -> None:
        known = {row.id: row for row in rows}
        for carrier_id, (row, task, _) in list(self._senders.items()):
            if known.get(carrier_id) != row or task.done():
                task.cancel()
                await asyncio.wait([task])
                del self._senders[carrier_id]
        for row in rows:
            if row.id not in self._senders:
                woken = asyncio.Event()
                self._senders[row.id] = (row, group.create_task(self._serve(row, woken)), woken)

    async def _serve(self, row: CarrierRow, woken: asyncio.Event) -> None:
        """Serve one carrier for as long as its lock can be held."""
        try:
            link = self._link(row)
        except (ValidationError, KeyError) as error:
            log.error("carrier %d has settings that cannot be used: %s", row.id, type(error).__name__)
            return

        async def serve() -> None:
            async with asyncio.TaskGroup() as group:
                linked = group.create_task(link.run(self._store(row.id)))
                try:
                    await Sender(self._db, row, link, woken).run()
                finally:
                    # Now, and not before: what had gone out over it might still be answered.
                    linked.cancel()

        try:
            await self._db.while_locked(LOCK, row.id, serve)
        except* FAILURES as failures:
            log.warning("carrier %d waits for the database: %s", row.id, failures.exceptions[0])

    def _link(self, row: CarrierRow) -> Carrier:
        account = REGISTRY[row.type].model_validate({"type": row.type, **row.settings})
        status_url = f"{self._public_url}/carriers/{row.id}/{row.token}/receipts"
        return account.link(Surroundings(self._http, status_url))

    def _store(self, carrier_id: int) -> Store:
        async def store(what: Receipt | ReceivedText) -> None:
            if isinstance(what, Receipt):
                metrics.RECEIPTS.labels(what.delivery).inc()
            else:
                metrics.TEXTS_RECEIVED.inc()
            try:
                known = await sms.told(self._db, carrier_id, what)
            except REFUSALS as error:
                raise NotStored(f"the database refuses it: {type(error).__name__}", again=False) from None
            except FAILURES as error:
                raise NotStored(f"the database is away: {type(error).__name__}", again=True) from None
            if not known:
                raise NotStored(f"no number that it is for sends by carrier {carrier_id}", again=False)

        return store


class Sender:
    """Claims what is due for a carrier and hands it over, so many at once."""

    def __init__(self, db: Database, row: CarrierRow, link: Carrier, woken: asyncio.Event) -> None:
        self._db, self._row, self._link, self._woken = db, row, link, woken
        self._whole = REGISTRY[row.type].joins_parts
        self._room = asyncio.Semaphore(link.window)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as sending:
            try:
                while True:
                    self._woken.clear()
                    await self._link.ready()
                    if not await self._claim(sending):
                        await self._nap()
            finally:
                await self._drain()

    async def _claim(self, sending: asyncio.TaskGroup) -> bool:
        """Send what is due, as far as there is room for it. Whether anything was."""
        await self._room.acquire()
        room = 1
        texts: list[DueText] = []
        try:
            if self._link.window > 1 and self._room.locked():
                await asyncio.sleep(GATHER_S)
            while room < BATCH and not self._room.locked():
                await self._room.acquire()
                room += 1
            texts = await sms.claim(self._db, self._row.id, whole=self._whole, limit=room)
        except FAILURES as error:
            log.warning("carrier %d waits for the database: %s", self._row.id, error)
        finally:
            for _ in range(room - len(texts)):
                self._room.release()
        for text in texts:
            sending.create_task(self._send(text))
        return bool(texts)

    async def _drain(self) -> None:
        """Wait for the answers to what is under way."""
        try:
            async with asyncio.timeout(DRAIN_S):
                for _ in range(self._link.window):
                    await self._room.acquire()
        except TimeoutError:
            pass

    async def _nap(self) -> None:
        """Until something is due, or somebody says so."""
        while not self._woken.is_set():
            try:
                due = await sms.next_due(self._db, self._row.id)
            except FAILURES:
                due = None
            soon_s = IDLE_S_MAX if due is None else due - time.time()
            # What is due and was not claimed has to wait for the rate.
            wait_s = min(max(soon_s, 1 / max(self._row.texts_per_second, 1)), IDLE_S_MAX)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), wait_s)
            if soon_s < IDLE_S_MAX:
                return

    async def _send(self, text: DueText) -> None:
        try:
            await self._keep(text, await self._answer(text))
        finally:
            self._room.release()

    async def _keep(self, text: DueText, answer: Answer) -> None:
        """Keep the carrier's answer. What cannot be kept is in doubt when its lease has run out."""
        for left in range(KEEP_TRIES, -1, -1):
            try:
                await sms.answered(self._db, self._row.id, text, answer)
            except (*FAILURES, *REFUSALS) as error:
                # Twice `not now` could put back what has been claimed again in between.
                if left == 0 or isinstance(answer, NotNow) or isinstance(error, REFUSALS):
                    log.warning("the answer to text %s was not kept: %s", text.message_id, type(error).__name__)
                    return
                await asyncio.sleep(KEEP_AGAIN_S)
            else:
                metrics.TEXTS.labels(type(answer).__name__).inc()
                log.info("text %s by carrier %d: %s", text.message_id, self._row.id, type(answer).__name__)
                return

    async def _answer(self, text: DueText) -> Answer:
        whole = len(text.bodies) > 1
        out = OutboundText(
            text.message_id,
            text.to,
            dialled(text.sender),
            "".join(text.bodies),
            "gsm7" if text.encoding == "gsm7" else "ucs2",
            text.part,
            text.parts,
            text.reference,
            text.joined,
        )
        try:
            async with asyncio.timeout(SEND_S_MAX):
                return await self._link.send(replace(out, part=1, parts=1, concatenated=False) if whole else out)
        except TimeoutError:
            return InDoubt(f"no answer within {SEND_S_MAX:g} s")
