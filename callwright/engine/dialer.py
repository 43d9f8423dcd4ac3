"""Dials the outbound queue: claims what is due, stores each Call-ID, and only then sends the INVITE.

The dialer wakes when something is queued or finished (NOTIFY) and at least once a second, which also covers
windows that open and retries that come due. It never claims more than the channels that are free.
"""

import asyncio
import logging
import secrets

from callwright.base.config import Config
from callwright.base.errors import AuthorError, PeerError, ProviderError, RequestError
from callwright.engine.applications import Applications
from callwright.engine.calls import Calls, Party
from callwright.engine.clock import now
from callwright.engine.writer import Writer
from callwright.services import dialing
from callwright.services.dialing import Claim, Ending, Finish
from callwright.store.database import FAILURES, Database
from callwright.store.deployments import Route
from callwright.telephony.leg import SipLeg
from callwright.telephony.plane import MediaPlane
from callwright.telephony.sip_endpoint import SipEndpoint

log = logging.getLogger(__name__)

IDLE_S = 1.0
"The longest nap between two looks at the queue."

RING_S_MAX = 60.0
"A call that is not answered by then is given up."


class Dialer:
    """One engine's dialer. `run` works until cancelled; `wake` ends its nap."""

    def __init__(
        self,
        db: Database,
        config: Config,
        *,
        engine_id: int,
        calls: Calls,
        applications: Applications,
        endpoint: SipEndpoint,
        plane: MediaPlane,
        writer: Writer,
    ) -> None:
        self._db = db
        self._host = config.sip_host
        self._engine_id = engine_id
        self._calls = calls
        self._applications = applications
        self._endpoint = endpoint
        self._plane = plane
        self._writer = writer
        self._woken = asyncio.Event()
        self._dialling = 0

    def wake(self) -> None:
        self._woken.set()

    async def run(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            try:
                more = await self._round(tasks)
            except FAILURES as error:
                log.warning("the queue cannot be read: %s", error)
                more = False
            if not more:
                try:
                    async with asyncio.timeout(IDLE_S):
                        await self._woken.wait()
                except TimeoutError:
                    pass
                self._woken.clear()

    async def _round(self, tasks: asyncio.TaskGroup) -> bool:
        """Dial what is due; whether there was anything."""
        free = self._calls.free - self._dialling
        claims = await dialing.claim(self._db, engine_id=self._engine_id, free=free, now=now())
        if not claims:
            return False
        # The Call-ID is in the database before its INVITE is on the wire: whoever finds this attempt after a
        # crash knows that a telephone may have rung.
        call_ids = {claim.attempt_id: f"{secrets.token_hex(12)}@{self._host}" for claim in claims}
        started = await dialing.start(self._db, list(call_ids.items()), now())
        for claim in claims:
            if claim.attempt_id in started:
                self._dialling += 1
                tasks.create_task(self._dial(claim, call_ids[claim.attempt_id]))
        return True

    async def _dial(self, claim: Claim, sip_call_id: str) -> None:
        ending: Ending
        try:
            ending, cause = await self._attempt(claim, sip_call_id)
        except (AuthorError, RequestError, PeerError) as error:
            ending, cause = "rejected", str(error)
        except ProviderError as error:
            ending, cause = "failed", str(error)
        finally:
            self._dialling -= 1
        self._writer.finished(Finish(claim.attempt_id, ending, cause[:500], now()))

    async def _attempt(self, claim: Claim, sip_call_id: str) -> tuple[Ending, str]:
        if claim.version_id is None:
            return "rejected", "no version of the application is published"
        loaded = await self._applications.load(claim.version_id)
        caller = claim.ani or claim.caller_id or "anonymous"
        peer = await self._endpoint.resolve(claim.trunk_host, claim.trunk_port)
        leg = SipLeg.outgoing(
            self._endpoint,
            self._plane,
            self._host,
            target=f"sip:{claim.dialled}@{claim.trunk_host}:{claim.trunk_port}",
            call_id=sip_call_id,
            caller=caller,
            to=peer,
        )
        # Among the legs from the start, so that an engine that stops cancels what still rings.
        self._calls.legs.add(leg)
        try:
            refused = await leg.answered(RING_S_MAX)
        finally:
            self._calls.legs.discard(leg)
        if refused is not None:
            return dialing.ending_of(refused.status), f"{refused.status} {refused.reason}"
        self._writer.connected(claim.attempt_id, now())
        route = Route(claim.account_id, claim.user_id, claim.deployment_id, claim.application_id, claim.version_id)
        party = Party("outbound", caller, claim.dialled, sip_call_id, claim.outbound_call_id)
        # It was answered: whatever the program then does, it is not dialled again.
        outcome = await self._calls.serve(leg, route, loaded, party, claim.metadata, keys_first=claim.postd)
        return "completed", outcome.kind
