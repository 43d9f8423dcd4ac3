"""Dials the outbound queue: claims what is due, stores each Call-ID, and only then sends the INVITE.

The dialer wakes when something is queued or finished (NOTIFY), when the next window opens or retry comes due, and at least once
in a few seconds. It never claims more than the channels that are free.

A database that goes away in the middle leaves it open whether a claim or a start was committed. Then nothing is
dialled of it; what this engine holds in the database without having dialled is given back before the next claim.
"""

import asyncio
import logging
import secrets
from functools import partial

from callwright.base.config import Config
from callwright.base.errors import AuthorError, PeerError, ProviderError, RequestError
from callwright.base.phone_numbers import is_telephone
from callwright.conversation.applications import Applications, Loaded
from callwright.engine import documents, metrics
from callwright.engine.calls import Admission, Calls, Party
from callwright.engine.clock import now
from callwright.engine.legs import Owner
from callwright.engine.telephones import Telephones, first_of, knows_us_by, not_reached
from callwright.engine.writer import Writer
from callwright.ports.leg import NotReached
from callwright.services import dialing, trunks
from callwright.services.dialing import SOON_S, Claim, Ending, Finish
from callwright.sip.address import sip_uri
from callwright.store.database import FAILURES, Database
from callwright.store.deployments import Route
from callwright.store.scope import Scope
from callwright.store.waking import nap
from callwright.telephony.dialled import NotAnswered
from callwright.telephony.leg import SipLeg
from callwright.telephony.plane import MediaPlane
from callwright.telephony.sip_endpoint import SipEndpoint
from callwright.telephony.succession import Station

log = logging.getLogger(__name__)

BLOCKED_S = 1.0
"The longest nap between two claims while something is due that has no channel, no rate or no telephone."

IDLE_S = SOON_S
"The longest nap while nothing is due. What is queued for later than that wakes nobody."

REST_S = 0.01
"Half the first nap after work."


class _NotAnswered(Exception):
    """Nobody came to the telephone."""

    def __init__(self, ending: Ending, cause: str, sip_status: int | None = None) -> None:
        self.ending, self.cause, self.sip_status = ending, cause, sip_status


class _NotDialled(Exception):
    """The database went away before the INVITE."""


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
        telephones: Telephones,
    ) -> None:
        self._db = db
        self._host = config.sip_host
        self._ring_s = config.ring_s
        self._engine_id = engine_id
        self._calls = calls
        self._applications = applications
        self._endpoint = endpoint
        self._plane = plane
        self._writer = writer
        self._telephones = telephones
        self._woken = asyncio.Event()
        self._unsure = False
        "The database may hold claims and attempts of ours that we did not dial."

        self._undialled: set[int] = set()
        "Those of them that may stand there as dialling."

    def wake(self) -> None:
        self._woken.set()

    async def run(self, tasks: asyncio.TaskGroup) -> None:
        more, nap_s = True, REST_S
        while True:
            due_in_s = 0.0
            try:
                if not more and not self._unsure:
                    due_in_s = await self._due_in()
                more = due_in_s <= 0 and await self._round(tasks)
            except FAILURES as error:
                log.warning("the queue cannot be read: %s", error)
                self._unsure = True
                more = False
            # After work there may be more that only waits for its trunk's rate: short naps first, then longer ones.
            nap_s = REST_S if more else min(2 * nap_s, BLOCKED_S)
            if not more:
                await nap(self._woken, due_in_s if due_in_s > 0 else nap_s)

    async def _due_in(self) -> float:
        """Seconds, at most `IDLE_S`; 0 or less where something is due. To ask costs far less than a claim of nothing."""
        due = await dialing.next_due(self._db, until=now() + IDLE_S)
        return IDLE_S if due is None else due - now()

    async def _round(self, tasks: asyncio.TaskGroup) -> bool:
        """Dial what is due; whether there was anything."""
        if self._unsure:
            await self._give_back()
        admissions = self._admit()
        try:
            claims = await dialing.claim(self._db, engine_id=self._engine_id, free=len(admissions), now=now())
            if not claims:
                return False
            await self._start(claims, admissions, tasks)
            return True
        finally:
            for admission in admissions:
                self._calls.release(admission)

    async def _give_back(self) -> None:
        undialled = tuple(self._undialled)
        given = await dialing.give_back(self._db, engine_id=self._engine_id, undialled=undialled, now=now())
        self._undialled.difference_update(undialled)
        self._unsure = bool(self._undialled)
        if given:
            log.warning("%d call(s) that were claimed and not dialled are queued again", given)

    def _admit(self) -> list[Admission]:
        """Room for the next batch: never more than half of what is free, for callers come in meanwhile."""
        wanted = min(dialing.BATCH, (self._calls.free + 1) // 2)
        return [admission for _ in range(wanted) if (admission := self._calls.admit())]

    async def _start(self, claims: list[Claim], admissions: list[Admission], tasks: asyncio.TaskGroup) -> None:
        """Dial the claims that nobody cancelled; each takes one of the admissions."""
        # The Call-ID is in the database before its INVITE is on the wire: whoever finds this attempt after a
        # crash knows that a telephone may have rung.
        call_ids = {claim.attempt_id: f"{secrets.token_hex(12)}@{self._host}" for claim in claims}
        try:
            started = await dialing.start(self._db, list(call_ids.items()), now())
        except FAILURES:
            self._undialled.update(call_ids)
            raise
        for claim in claims:
            if claim.attempt_id in started:
                tasks.create_task(self._dial(admissions.pop(), claim, call_ids[claim.attempt_id]))

    async def _dial(self, admission: Admission, claim: Claim, sip_call_id: str) -> None:
        ending: Ending
        ended_at, sip_status, callee_type = 0.0, None, ""
        try:
            ending, cause, ended_at, callee_type = await self._attempt(admission, claim, sip_call_id)
        except _NotAnswered as refused:
            ending, cause, sip_status = refused.ending, refused.cause, refused.sip_status
        except (AuthorError, RequestError, PeerError) as error:
            ending, cause = "rejected", str(error)
        except ProviderError as error:
            ending, cause = "failed", str(error)
        except _NotDialled as error:
            log.warning("outbound call %s waits for the database: %s", claim.outbound_call_id, error)
            self._undialled.add(claim.attempt_id)
            self._unsure = True
            self.wake()
            return
        except Exception as error:  # the containment point of one call
            log.exception("outbound call %s", claim.outbound_call_id)
            ending, cause = "failed", f"internal error: {type(error).__name__}"
        metrics.ATTEMPTS.labels(ending).inc()
        self._writer.finished(Finish(claim.attempt_id, ending, cause[:500], ended_at or now(), sip_status, callee_type))

    async def _attempt(self, admission: Admission, claim: Claim, sip_call_id: str) -> tuple[Ending, str, float, str]:
        """How the attempt ended, why, and when, and who had answered."""
        caller = claim.ani or claim.caller_id or (claim.number if is_telephone(claim.dialled) else "") or "anonymous"
        try:
            leg, route, loaded = await self._reach(claim, caller, sip_call_id, admission.call_id)
        except BaseException:
            self._calls.release(admission)
            raise
        self._writer.connected(claim.attempt_id, now())
        party = Party("outbound", caller, claim.dialled, sip_call_id, claim.outbound_call_id)
        # It was answered: whatever the program then does, it is not dialled again.
        variables = {} if claim.start_url else claim.metadata
        outcome = await self._calls.serve(admission, leg, route, loaded, party, variables, keys_first=claim.postd)
        return "completed", outcome.kind, leg.ended_at, leg.callee.type if leg.callee is not None else "unknown"

    async def _load(self, claim: Claim) -> Loaded:
        if claim.start_url:
            return documents.load(claim)
        if claim.version_id is None:
            raise _NotAnswered("rejected", "no version of the application is published")
        return await self._applications.load(claim.version_id)

    async def _reach(self, claim: Claim, caller: str, sip_call_id: str, call_id: int) -> tuple[SipLeg, Route, Loaded]:
        """The leg, once it was answered. Raises `_NotAnswered` and `_NotDialled`."""
        try:
            loaded = await self._load(claim)
        except FAILURES as error:
            raise _NotDialled(str(error)) from None
        owner = Owner(claim.account_id, claim.user_id, "called", call_id, claim.outbound_call_id, secret=claim.is_pci)
        if is_telephone(claim.dialled):
            leg = await self._at_telephone(claim, caller, sip_call_id, owner)
        else:
            leg = await self._by_trunk(claim, caller, sip_call_id, owner)
        route = Route(
            claim.account_id,
            claim.user_id,
            claim.deployment_id,
            claim.application_id,
            claim.version_id,
            number=claim.number,
            is_pci=claim.is_pci,
        )
        return leg, route, loaded

    async def _by_trunk(self, claim: Claim, caller: str, sip_call_id: str, owner: Owner) -> SipLeg:
        try:
            peer, *others = await self._endpoint.locate(claim.trunk_host, claim.trunk_port, claim.trunk_transport)
        except ProviderError as error:
            raise _NotAnswered("unreachable", str(error)) from None
        leg = SipLeg.outgoing(
            self._endpoint,
            self._plane,
            self._endpoint.us(peer)[0],
            target=sip_uri(claim.dialled, claim.trunk_host, claim.trunk_port),
            call_id=sip_call_id,
            caller=caller,
            to=peer.address,
            extra=(*claim.sip_headers.items(), *claim.policy.told(caller, claim.trunk_username, claim.trunk_host)),
            credentials=trunks.credentials(self._db, claim.trunk_username, claim.trunk_sealed_password),
            transport=peer.transport,
            others=others,
            srtp=claim.trunk_srtp,
            codecs=trunks.codecs_of(claim.trunk_codecs),
            authority=claim.trunk_certificate_authority,
        )
        refused = await self._answered(leg, owner)
        if refused is not None:
            ending = dialing.ending_of(refused.status, heard=refused.heard)
            status = refused.status if refused.heard else None
            raise _NotAnswered(ending, f"{refused.status} {refused.reason}", status)
        return leg

    async def _at_telephone(self, claim: Claim, caller: str, sip_call_id: str, owner: Owner) -> SipLeg:
        """All its devices ring, and the first that answers has the call."""
        scope = Scope(claim.account_id, claim.user_id, "v1")
        try:
            if claim.phone_id is not None:
                devices = await self._telephones.devices_of(scope, claim.phone_id)
            else:
                # It has gone; or an older version queued this, and names it alone.
                devices = await self._telephones.devices(scope, claim.dialled) or []
        except FAILURES as error:
            raise _NotDialled(str(error)) from None
        if not devices:
            raise _NotAnswered("unreachable", "the phone is registered nowhere")
        # The attempt is known by the first one's.
        call_ids = [sip_call_id, *(f"{secrets.token_hex(12)}@{self._host}" for _ in devices[1:])]
        reached = await first_of(
            [partial(self._ring, *one, claim, caller, owner) for one in zip(devices, call_ids, strict=True)]
        )
        if isinstance(reached, NotReached):
            ending = dialing.ending_of(reached.status, heard=reached.status > 0)
            raise _NotAnswered(ending, reached.reason, reached.status or None)
        return reached

    async def _ring(
        self, device: Station, sip_call_id: str, claim: Claim, caller: str, owner: Owner
    ) -> SipLeg | NotReached:
        leg = SipLeg.outgoing(
            self._endpoint,
            self._plane,
            self._endpoint.us(device.place)[0],
            target=device.uri,
            call_id=sip_call_id,
            caller=caller,
            to=device.place.address,
            transport=device.place.transport,
            extra=(*claim.sip_headers.items(), *device.extra),
            permits=self._telephones.permits(device),
        )
        knows_us_by(leg, device.domains)
        refused = await self._answered(leg, owner)
        return leg if refused is None else not_reached(refused)

    async def _answered(self, leg: SipLeg, owner: Owner) -> NotAnswered | None:
        """None once it was."""
        assert self._calls.seen is not None
        self._calls.seen.follow(leg, owner)
        # Among the legs from the start, so that an engine that stops cancels what still rings.
        self._calls.legs.add(leg)
        try:
            return await leg.answered(self._ring_s)
        except asyncio.CancelledError:
            leg.hang_up()
            raise
        finally:
            self._calls.legs.discard(leg)
