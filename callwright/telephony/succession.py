"""Who comes after the party of a leg: somebody else may take its place, and the session goes on.

    REFER of the party     we call whom it names, at all the places of a telephone of ours; who answers first is the party, and
                           the one before is hung up on
    REFER with Replaces    that names another call of ours: each of the two legs is the party of the other (`inner_call`), and
                           the one who asked is hung up on in both
    INVITE with Replaces   whoever sends it is the party at once, also where whom we call only rings

The leg keeps its media session: its port, its recordings, its bridge. A party that hangs up after its REFER leaves the leg
to whoever is being called; where they do not come, it ends as that party left it.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from callwright.base.errors import PeerError, ProviderError
from callwright.ports.leg import LegEnded
from callwright.sip import sdp
from callwright.sip.address import Address, Transport, uri
from callwright.sip.digest import Credentials
from callwright.sip.events import Answered, Ended, Rejected, Reoffered, SipEvent
from callwright.sip.locating import Place
from callwright.sip.refer import Referral
from callwright.telephony.inner_call import InnerCall, are_round
from callwright.telephony.negotiation import Negotiation
from callwright.telephony.sip_endpoint import SipCall, SipEndpoint

if TYPE_CHECKING:
    from callwright.telephony.leg import SipLeg

log = logging.getLogger(__name__)

SUCCESSORS_MAX = 8
"Parties of one leg; two telephones that send us back and forth have an end."


FIND_S_MAX = 5.0
"A look into the database; the party hears in time that nobody was found."


@dataclass(frozen=True, slots=True)
class Peer:
    """By way of whom a leg's party is reached."""

    host: str
    "As it was dialled; of a caller, where its INVITE came from."

    address: Address
    transport: Transport
    credentials: Credentials | None = None
    authority: str = ""
    "In PEM, who alone may have signed its certificate."

    domains: tuple[str, ...] = ()
    "Of a telephone of ours: hosts by which it calls us."


@dataclass(frozen=True, slots=True)
class Station:
    """One of the places where a telephone of our own is, and the way there."""

    uri: str
    place: Place
    route: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    "Hosts by which it calls us."

    @property
    def extra(self) -> tuple[tuple[str, str], ...]:
        """Header fields of an INVITE that goes there."""
        return (("route", ", ".join(self.route)),) if self.route else ()


class Stations(Protocol):
    """Telephones of our own that a party may name."""

    def means(self, target: str) -> bool:
        """Whether a URI can be one of them."""
        ...

    async def find(self, target: str) -> Sequence[Station]:
        """All the places where it is; none where it is none, or nowhere. Raises `PeerError`."""
        ...


@dataclass(slots=True)
class _Coming:
    """Somebody who is being called, and what we offered."""

    described: Negotiation
    call: SipCall | None = None


class Succession:
    """Of one leg."""

    __slots__ = (
        "_account_id",
        "_coming",
        "_count",
        "_endpoint",
        "_finding",
        "_left",
        "_leg",
        "_peer",
        "_permits",
        "_referral",
        "_refused",
        "_stations",
    )

    def __init__(
        self,
        leg: "SipLeg",
        endpoint: SipEndpoint,
        peer: Peer,
        permits: Callable[[str], bool],
        stations: Stations | None,
        account_id: int = 0,
    ) -> None:
        """`permits`: whether the party may have us call this IP address. Its own it may always. `stations`: the telephones that
        it may name. `account_id`: whose leg it is; legs of others it may not name."""
        self._account_id = account_id
        self._stations = stations
        self._finding: asyncio.Task[None] | None = None
        "Looks for a telephone that the party named."

        self._leg = leg
        self._endpoint = endpoint
        self._peer = peer
        self._permits = permits
        self._coming: list[_Coming] = []
        "All the places that ring; the first that answers is the party."

        self._refused: list[tuple[int, str]] = []
        "What came of the others."

        self._referral: Referral | None = None
        self._left: LegEnded | None = None
        "The party has gone meanwhile."

        self._count = 0

    def watch(self, call: SipCall) -> None:
        """This is the party's call now."""
        call.on_refer, call.on_replaced = self._asked, self._replaced

    def over(self) -> None:
        """The leg has ended."""
        self._give_up("the call is over")

    def _give_up(self, reason: str) -> None:
        finding, self._finding = self._finding, None
        if finding is not None:
            finding.cancel()
        self._stop()
        self._tell(487, reason)

    def _stop(self) -> None:
        """Nobody is called any more."""
        coming, self._coming, self._refused = self._coming, [], []
        for one in coming:
            assert one.call is not None
            one.call.on_event = _nobody
            one.call.hang_up()

    @property
    def _busy(self) -> bool:
        return bool(self._coming) or self._finding is not None

    def keeps(self, ended: LegEnded) -> bool:
        """Whether the leg goes on though its party has left."""
        if not self._busy:
            return False
        self._left = ended
        return True

    # -- REFER ---------------------------------------------------------------------------------

    def _asked(self, referral: Referral) -> int:
        leg = self._leg
        if self._busy:
            return 491
        if leg.ended or self._count >= SUCCESSORS_MAX:
            return 403
        self._referral = referral
        stations = self._stations
        try:
            if referral.here is not None:
                self._join(referral, referral.here)
            elif stations is not None and stations.means(referral.target):
                self._finding = asyncio.get_running_loop().create_task(self._find(referral, stations))
            else:
                self._call(referral, referral.target, self._way(referral.target))
        except (PeerError, ProviderError):
            self._referral = None
            return 403
        self._count += 1
        return 202

    def _join(self, referral: Referral, found: SipCall | int) -> None:
        """The party's other call is one of ours: whom we have there is our party, and we are theirs."""
        if isinstance(found, int):
            self._failed(found, "")
            return
        coming = _Coming(self._leg.negotiation())
        ours, theirs = InnerCall.pair(
            found.agent,
            call_id=secrets.token_hex(12),
            offer=coming.described.offer(),
            on_event=partial(self._told, coming),
            account_id=self._account_id,
        )
        ours.leg, coming.call = self._leg, ours
        self._coming.append(coming)
        # Once the party has been told that we took it on; that call may have ended by then.
        asyncio.get_running_loop().call_soon(_offered, theirs, found)

    async def _find(self, referral: Referral, stations: Stations) -> None:
        try:
            async with asyncio.timeout(FIND_S_MAX):
                found = await stations.find(referral.target)
            self._finding = None
            for station in found:
                place = station.place
                with suppress(PeerError, ProviderError):  # no place, or no way to it; there may be others
                    self._call(referral, station.uri, Peer("", place.address, place.transport), station.extra)
            if not self._coming:
                raise PeerError("no such telephone")
        except (PeerError, ProviderError, TimeoutError):
            self._finding = None
            self._failed(404, "Not Found")

    def _call(
        self,
        referral: Referral,
        target: str,
        by: Peer,
        routes: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Raises `PeerError`, and `ProviderError` where there is no way there."""
        # Keys that the party has are nobody else's, and new ones are for nobody on the way.
        coming = _Coming(self._leg.negotiation())
        offer = coming.described.offer(secure=self._leg.srtp and by.transport == "tls")
        coming.call = self._endpoint.invite(
            target,
            call_id=secrets.token_hex(12),
            caller=self._leg.name,
            sdp=offer,
            to=by.address,
            on_event=partial(self._told, coming),
            extra=(*referral.headers, *routes),
            credentials=by.credentials,
            permits=self._permits,
            transport=by.transport,
            authority=by.authority,
        )
        self._coming.append(coming)
        self._leg.on_successor(coming.call.call_id)

    def _way(self, target: str) -> Peer:
        """Where a place that the party names is asked for. Raises `PeerError` where it may not be."""
        there, peer = uri(target), self._peer
        wanted = there.transport or ("tls" if target.lower().startswith("sips:") else None)
        same = there.host.lower() == peer.host.lower() and (there.address is None or there.address == peer.address)
        if same and wanted in (None, peer.transport):
            return peer
        if there.address is not None and (there.host == peer.address[0] or self._permits(there.host)):
            # Who we are to the peer is nobody else's business.
            return Peer(there.host, there.address, wanted or "udp")
        raise PeerError(f"{there.host} is not called at the word of {peer.host}")

    def _told(self, coming: _Coming, event: SipEvent) -> None:
        assert coming.call is not None
        match event:
            case Answered(sdp=description):
                self._coming.remove(coming)
                try:
                    agreed = coming.described.answers(sdp.parse(description))
                    before = self._leg.adopt(coming.call, coming.described, agreed)
                except PeerError as error:
                    coming.call.hang_up()
                    self._lost(488, str(error))
                else:
                    self._stop()
                    self._left = None
                    # It is hung up on once it knows why.
                    self._tell(200, "OK", before.hang_up)
            case Rejected(status=status, reason=reason):
                self._coming.remove(coming)
                self._lost(status, reason)
            case Ended(reason=reason):
                self._coming.remove(coming)
                self._lost(487, reason)
            case Reoffered():
                coming.call.reject_reoffer()
            case _:
                pass

    def _lost(self, status: int, reason: str) -> None:
        """One of those who were called does not come; who declines with 6xx does so for all (RFC 3261 §16.7)."""
        self._refused.append((status, reason))
        if status >= 600 or not self._coming:
            best = min(self._refused, key=lambda refused: (refused[0] < 600, refused[0] != 486))
            self._stop()
            self._failed(*best)

    def _failed(self, status: int, reason: str) -> None:
        self._tell(status, reason)
        if self._left is not None:
            self._leg.end(self._left)

    def _tell(self, status: int, reason: str, then: Callable[[], None] = lambda: None) -> None:
        if self._referral is not None:
            self._referral.tell(status, reason, then)
        self._referral = None

    # -- Replaces ------------------------------------------------------------------------------

    def _replaced(self, call: SipCall) -> None:
        leg = self._leg
        if leg.ended or self._count >= SUCCESSORS_MAX:
            call.reject(486)
            return
        if isinstance(call, InnerCall):
            beyond = call.other.leg
            if call.account_id != self._account_id or beyond is None:
                call.reject(481)
                return
            if are_round(leg, beyond):
                call.reject(482, "Nobody Would Be Left")
                return
            call.leg = leg
        self._count += 1
        self._give_up("another call took its place")
        try:
            described = leg.negotiation()
            description = described.answer(sdp.parse(call.offer)) if call.offer else described.offer()
            before = leg.adopt(call, described, described.answered() if call.offer else None)
        except PeerError as error:
            log.info("call %s refused, which was to take the place of another: %s", call.call_id, error)
            call.reject(488)
        else:
            self._left = None
            leg.on_successor(call.call_id)
            call.answer(description)
            # A call of ours that still rings is cancelled (RFC 3891 §3).
            before.hang_up()


def _offered(call: InnerCall, replaced: SipCall) -> None:
    if call.other.state != "calling":
        return  # given up meanwhile
    if replaced.on_replaced is None:
        call.reject(481)
    else:
        replaced.on_replaced(call)


def _nobody(_: SipEvent) -> None: ...
