"""Trunks that want us to register: one engine of all does it for each, and another one when that engine dies.

An engine holds a trunk by a lease in the database. It registers, again when half of the granted time is over, and after
a failure with pauses that grow. When it stops or drains it takes its registrations back first, so that no call is sent to
it any more, and gives the leases away. One that is killed leaves a lease that runs out; its binding at the carrier runs out
too, later, and until then the carrier may try it first.
"""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Callable

from callwright.base.errors import CallwrightError
from callwright.services import registrations, trunks
from callwright.sip.address import bracketed, user_part
from callwright.sip.digest import Identity
from callwright.sip.registering import Granted, Refused, Registering
from callwright.store.database import FAILURES, Database
from callwright.store.trunk_registrations import RegisteredTrunk
from callwright.telephony.sip_endpoint import SipEndpoint

log = logging.getLogger(__name__)

LOOK_S = 2.0
"Between two looks at what is to be registered; a third of the lease and more is left for a database that is slow."

PAUSE_S = 5.0
PAUSE_S_MAX = 300.0
"After failures: twice as long each time, and by chance between half and all of it, so that engines do not ask in step."

RENEW_S_MIN = 15.0
"Not sooner, however little a registrar grants."

ANSWER_S_MAX = 40.0
"Longer than a transaction takes to give up, with a challenge."

TAKE_BACK_S_MAX = 2.0
"At a stop, for the last REGISTERs."

REASON_MAX = 200


class TrunkRegistrations:
    """One engine's. `run` until it is cancelled, then `take_back`."""

    def __init__(self, db: Database, *, engine_id: int, endpoint: SipEndpoint) -> None:
        self._db = db
        self._engine_id = engine_id
        self._endpoint = endpoint
        self._kept: dict[RegisteredTrunk, tuple[asyncio.Task[None], _Kept]] = {}

    async def run(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            try:
                held = set(await registrations.claim(self._db, engine_id=self._engine_id, now=time.time()))
            except FAILURES as error:
                log.warning("registrations wait for the database: %s", error)
            else:
                for trunk in [trunk for trunk in self._kept if trunk not in held]:
                    task, kept = self._kept.pop(trunk)
                    task.cancel()
                    tasks.create_task(kept.take_back())
                for trunk in held - self._kept.keys():
                    kept = _Kept(self._db, self._engine_id, self._endpoint, trunk)
                    self._kept[trunk] = tasks.create_task(kept.run()), kept
            await asyncio.sleep(LOOK_S)

    async def take_back(self) -> None:
        """Be registered nowhere any more, and let another engine do it."""
        kept, self._kept = list(self._kept.values()), {}
        for task, _ in kept:
            task.cancel()
        await asyncio.gather(*(one.take_back() for _, one in kept))
        try:
            await registrations.release(self._db, engine_id=self._engine_id, now=time.time())
        except FAILURES as error:
            log.warning("registrations are not given away: %s", error)


class _Kept:
    """One trunk's registration."""

    def __init__(self, db: Database, engine_id: int, endpoint: SipEndpoint, trunk: RegisteredTrunk) -> None:
        self._db, self._engine_id, self._endpoint, self._trunk = db, engine_id, endpoint, trunk
        self._is_registered = False
        known = trunks.credentials(db, trunk.username, trunk.sealed_password)
        place = bracketed(trunk.host) + (f":{trunk.port}" if trunk.port else "")
        by = "" if trunk.transport == "udp" else f";transport={trunk.transport}"
        self._registering = Registering(
            registrar=f"sip:{place}{by}",
            address=f"sip:{user_part(trunk.username)}@{bracketed(trunk.host)}",
            contact_user=trunk.contact,
            call_id=secrets.token_hex(16),
            identity=Identity(known, lambda: secrets.token_hex(8)) if known else None,
        )

    async def run(self) -> None:
        pause_s = PAUSE_S
        while True:
            answer = await self._ask(self._trunk.expires_s)
            if isinstance(answer, Granted) and answer.expires_s:
                self._is_registered = True
                pause_s = PAUSE_S
                wait_s = max(RENEW_S_MIN, answer.expires_s / 2)
                await self._tell("registered", "", time.time() + answer.expires_s)
            else:
                refused = answer if isinstance(answer, Refused) else Refused(200, "it grants no time")
                self._is_registered = False
                wait_s = max(random.uniform(0.5, 1.0) * pause_s, refused.retry_after_s)
                pause_s = min(2 * pause_s, PAUSE_S_MAX)
                await self._tell("failed", f"{refused.status} {refused.reason}"[:REASON_MAX], None)
                log.warning(
                    "trunk %d does not register us: %s %s", self._trunk.trunk_id, refused.status, refused.reason
                )
            await asyncio.sleep(wait_s)

    async def take_back(self) -> None:
        if self._is_registered:
            self._is_registered = False
            await self._ask(0, TAKE_BACK_S_MAX)

    async def _ask(self, expires_s: int, wait_s: float = ANSWER_S_MAX) -> Granted | Refused:
        trunk = self._trunk
        told: asyncio.Future[Granted | Refused] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(wait_s):
                place = (await self._endpoint.locate(trunk.host, trunk.port, trunk.transport))[0]
                self._endpoint.register(
                    self._registering,
                    place,
                    trunk.host,
                    expires_s,
                    _once(told),
                    authority=trunk.certificate_authority,
                )
                return await told
        except TimeoutError:
            return Refused(408, "no answer")
        except CallwrightError as error:
            return Refused(503, str(error))

    async def _tell(self, state: str, reason: str, expires_at: float | None) -> None:
        try:
            await registrations.tell(
                self._db,
                engine_id=self._engine_id,
                trunk_id=self._trunk.trunk_id,
                state=state,
                reason=reason,
                expires_at=expires_at,
                now=time.time(),
            )
        except FAILURES as error:
            log.warning("how trunk %d is registered is not told: %s", self._trunk.trunk_id, error)


def _once(future: "asyncio.Future[Granted | Refused]") -> Callable[[Granted | Refused], None]:
    def told(answer: Granted | Refused) -> None:
        if not future.done():
            future.set_result(answer)

    return told
