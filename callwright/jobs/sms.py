"""Sends texts by their carriers, and keeps what linked carriers tell.

Each carrier is served by one process at a time, whichever gets its lock in the database first: SMPP allows an account so many
connections, and a rate is kept more evenly by one. What serves a carrier ends and begins anew when its settings change.
"""

import asyncio
import logging
import time
from dataclasses import replace

from pydantic import ValidationError

from callwright.base.phone_numbers import dialled
from callwright.ports.carrier import Answer, Carrier, InDoubt, OutboundText, Receipt, ReceivedText, Store
from callwright.providers import carriers as _all  # noqa: F401 - registers them
from callwright.providers.carriers.http_carrier import REGISTRY, HttpLink
from callwright.providers.carriers.loopback import Handset
from callwright.providers.http import GuardedClient
from callwright.services import sms
from callwright.store.database import FAILURES, Database
from callwright.store.sms_sending import CarrierRow, DueText

log = logging.getLogger(__name__)

BATCH = 20
AT_ONCE = 50
"Texts of one carrier that wait for its answer."

LOOK_S = 5.0
"How often carriers are looked for, and leases that have run out."

IDLE_S_MAX = 5.0
SEND_S_MAX = 40.0
"Of any carrier, within the lease of a claim (60 s)."

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
            while True:
                try:
                    await sms.lapse(self._db)
                    await self._follow(group, await sms.carriers(self._db))
                except FAILURES as error:
                    log.warning("texts wait for the database: %s", error)
                await asyncio.sleep(LOOK_S)

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
                group.create_task(link.run(self._store(row.id)))
                group.create_task(Sender(self._db, row, link, woken).run())

        try:
            await self._db.while_locked(LOCK, row.id, serve)
        except* FAILURES as failures:
            log.warning("carrier %d waits for the database: %s", row.id, failures.exceptions[0])

    def _link(self, row: CarrierRow) -> Carrier:
        if row.type == "loopback":
            return Handset()
        carrier = REGISTRY[row.type].model_validate({"type": row.type, **row.settings})
        return HttpLink(carrier, self._http, f"{self._public_url}/carriers/{row.id}/{row.token}/receipts")

    def _store(self, carrier_id: int) -> Store:
        async def store(what: Receipt | ReceivedText) -> None:
            if not await sms.told(self._db, carrier_id, what):
                log.warning("carrier %d told a text to a number that does not send by it", carrier_id)

        return store


class Sender:
    """Claims what is due for a carrier and hands it over, so many at once."""

    def __init__(self, db: Database, row: CarrierRow, link: Carrier, woken: asyncio.Event) -> None:
        self._db, self._row, self._link, self._woken = db, row, link, woken
        kind = REGISTRY.get(row.type)
        self._whole = kind is not None and kind.joins_parts
        self._room = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as sending:
            while True:
                self._woken.clear()
                texts = await sms.claim(self._db, self._row.id, whole=self._whole, limit=BATCH)
                for text in texts:
                    await self._room.acquire()
                    sending.create_task(self._send(text))
                if not texts:
                    await self._nap()

    async def _nap(self) -> None:
        due = await sms.next_due(self._db, self._row.id)
        wait_s = (
            IDLE_S_MAX
            if due is None
            else min(max(due - time.time(), 1 / max(self._row.texts_per_second, 1)), IDLE_S_MAX)
        )
        try:
            async with asyncio.timeout(wait_s):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def _send(self, text: DueText) -> None:
        try:
            answer = await self._answer(text)
            await sms.answered(self._db, self._row.id, text, answer)
            log.info("text %s by carrier %d: %s", text.message_id, self._row.id, type(answer).__name__)
        finally:
            self._room.release()

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
