"""Trunks that want us to register: one engine of all does it for each, and another one when that engine dies.

An engine holds a trunk by a lease in the database. It registers at the first server of the trunk's that is there, again when
half of the granted time is over or the connection is lost, and after a failure with pauses that grow. Between, keep-alives
hold the way open by which the trunk reaches us. When it stops or drains it takes its registrations back first, so that no
call is sent to it any more, and gives the leases away. One that is killed leaves a lease that runs out; its binding at the
carrier runs out too, later, and until then the carrier may try it first.
"""

import asyncio
import contextlib
import logging
import math
import random
import secrets
import time
from collections.abc import Callable

from callwright.base.errors import CallwrightError
from callwright.services import registrations, trunks
from callwright.sip.address import bracketed, user_part
from callwright.sip.calling import PATIENCE_S
from callwright.sip.digest import Identity
from callwright.sip.flow import Flow
from callwright.sip.locating import Place
from callwright.sip.registering import Granted, Refused, Registering
from callwright.store.database import FAILURES, Database
from callwright.store.trunk_registrations import RegisteredTrunk
from callwright.telephony.sip_endpoint import SipEndpoint
from callwright.telephony.sip_streams import IDLE_S_MAX

log = logging.getLogger(__name__)

LOOK_S = 2.0
"Between two looks at what is to be registered; a third of the lease and more is left for a database that is slow."

PAUSE_S = 5.0
PAUSE_S_MAX = 300.0
"After failures: twice as long each time, and by chance between half and all of it, so that engines do not ask in step."

RENEW_S_MIN = 15.0
"Not sooner, however little a registrar grants."

RENEW_BY_CONNECTION_S_MAX = IDLE_S_MAX / 2
"A connection on which nothing comes is closed after that long; not every registrar answers keep-alives."

STEADY_S = 60.0
"""A connection that is lost is made anew at once, but not one after the other: a registrar that closes each has the pauses of
failures."""

ANSWER_S_MAX = 40.0
"Of one server: longer than a transaction takes to give up, with a challenge."

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

    @property
    def states(self) -> dict[int, bool]:
        """By trunk, as far as it is known: whether we are registered there."""
        known = ((trunk.trunk_id, kept.is_registered) for trunk, (_, kept) in self._kept.items())
        return {trunk_id: state for trunk_id, state in known if state is not None}

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
        self._at: Place | None = None
        "Where we are registered."

        self._flow: Flow | None = None
        "By which it reaches us."

        self.is_registered: bool | None = None
        "As was told last; None: nothing yet."

        self._lost = asyncio.Event()
        self._lost_at = -math.inf
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
            answer = await self._ask_each()
            if isinstance(answer, Granted) and answer.expires_s:
                await self._tell("registered", "", time.time() + answer.expires_s)
                if not await self._was_lost(self._renew_s(answer.expires_s)):
                    pause_s = PAUSE_S
                    continue
                log.warning("trunk %d: the connection to its registrar was closed", self._trunk.trunk_id)
                earlier, self._lost_at = self._lost_at, time.monotonic()
                if self._lost_at - earlier > STEADY_S:
                    pause_s = PAUSE_S
                    continue
                answer = Refused(408, "the connection was closed", heard=False)
                # Or its keep-alives would open the connections that we pause from.
                self._forget_flow()
            refused = answer if isinstance(answer, Refused) else Refused(200, "it grants no time")
            wait_s = max(random.uniform(0.5, 1.0) * pause_s, refused.retry_after_s)
            pause_s = min(2 * pause_s, PAUSE_S_MAX)
            await self._tell("failed", f"{refused.status} {refused.reason}"[:REASON_MAX], None)
            log.warning("trunk %d does not register us: %s %s", self._trunk.trunk_id, refused.status, refused.reason)
            await asyncio.sleep(wait_s)

    def _renew_s(self, granted_s: int) -> float:
        assert self._at is not None
        by_datagram = self._at.transport == "udp"
        return max(RENEW_S_MIN, min(granted_s / 2, math.inf if by_datagram else RENEW_BY_CONNECTION_S_MAX))

    async def _was_lost(self, within_s: float) -> bool:
        """Whether our flow was, before this time was over."""
        try:
            async with asyncio.timeout(within_s):
                await self._lost.wait()
        except TimeoutError:
            return False
        return True

    async def take_back(self) -> None:
        at, self._at = self._at, None
        if at is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TAKE_BACK_S_MAX):
                    await self._ask(at, 0, 0)
        self._forget_flow()

    async def _ask_each(self) -> Granted | Refused:
        """The first answer that counts of the registrar's servers, from that on which knows us already."""
        trunk = self._trunk
        try:
            places = await self._endpoint.locate(trunk.host, trunk.port, trunk.transport)
        except CallwrightError as error:
            return Refused(503, str(error), heard=False)
        left = sorted(places, key=lambda place: place != self._at)
        while True:
            place = left.pop(0)
            answer = await self._ask(place, trunk.expires_s, PATIENCE_S if left else 0)
            if isinstance(answer, Granted) or not left or not answer.elsewhere:
                self._at = place if isinstance(answer, Granted) and answer.expires_s else None
                return answer

    async def _ask(self, place: Place, expires_s: int, patience_s: float) -> Granted | Refused:
        trunk = self._trunk
        told: asyncio.Future[Granted | Refused] = asyncio.get_running_loop().create_future()
        self._forget_flow()
        try:
            flow = self._flow = self._endpoint.flow(place, trunk.host, authority=trunk.certificate_authority)
            # From the start, so that no loss is overlooked between the answer and who waits for it.
            flow.keep(self._lost.set)
            self._registering.ask(flow, expires_s, _once(told), patience_s=patience_s)
            async with asyncio.timeout(ANSWER_S_MAX):
                answer = await told
        except TimeoutError:
            answer = Refused(408, "no answer", heard=False)
        except CallwrightError as error:
            answer = Refused(503, str(error), heard=False)
        if isinstance(answer, Refused):
            self._forget_flow()
        return answer

    def _forget_flow(self) -> None:
        if self._flow is not None:
            self._flow.close()
        self._flow = None
        self._lost.clear()

    async def _tell(self, state: str, reason: str, expires_at: float | None) -> None:
        self.is_registered = state == "registered"
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
