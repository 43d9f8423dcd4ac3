"""Telephones as far ends: where one is, and all its places ringing at once."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

from callwright.base.errors import PeerError, ProviderError
from callwright.conversation.applications import Loaded
from callwright.ports.leg import NotReached
from callwright.providers.http import Guard
from callwright.services import dialing, phones, trunks
from callwright.session.commands import Transfer
from callwright.session.run import Call
from callwright.sip import registration
from callwright.sip.address import Address, uri
from callwright.sip.challenge import REALM
from callwright.sip.locating import Place
from callwright.store.database import Database
from callwright.store.deployments import Route
from callwright.store.phones import BindingRow, KnownPhone
from callwright.store.scope import Scope
from callwright.telephony.dialled import NotAnswered
from callwright.telephony.leg import SipLeg
from callwright.telephony.succession import Station

RING_S = 60.0
"How long a telephone that another one calls may ring."


class Telephones:
    """The telephones of the accounts, as one engine reaches them."""

    def __init__(self, db: Database, *, engine_id: int, ours: Callable[[], Sequence[Address]], guard: Guard) -> None:
        """`ours`: where this engine listens; `sip:NAME@` these places, and `sip:NAME@callwright`, mean a telephone. `guard`: where
        telephones may send us on to."""
        self._db = db
        self._engine_id = engine_id
        self._ours = ours
        self._guard = guard

    def permits(self, device: Station) -> Callable[[str], bool]:
        """Whether this device may redirect a call (3xx) to an IP address: to its own, and where other things that users name may
        lead. It is anybody's who has an account."""
        own = device.place.address[0]
        return lambda host: host == own or self._guard.permits(ip_address(host))

    async def devices(self, scope: Scope, destination: str, domains: Collection[str] = ()) -> list[Station] | None:
        """Where the telephone is that a destination names: `sip:NAME@callwright`, or its extension. None: it names none.
        `domains`: hosts that mean us as well.

        Raises `PeerError` where it names one that there is not.
        """
        name, certain = self._named(destination, domains)
        bindings = await phones.called(self._db, scope, name) if name else None
        if bindings is None and certain:
            raise PeerError(f"the account has no phone {name}")
        return None if bindings is None else self._reached(bindings)

    async def devices_of(self, scope: Scope, phone_id: int) -> list[Station]:
        """Where this telephone is."""
        return self._reached(await phones.bindings(self._db, scope, phone_id))

    def _reached(self, bindings: Sequence[BindingRow]) -> list[Station]:
        return [device for one in bindings if (device := self._device(one)) is not None]

    def means(self, uri: str, domains: Collection[str] = ()) -> bool:
        """Whether a SIP URI is of a place here, or of one of these hosts, and so can name a telephone."""
        return uri.lower().startswith(("sip:", "sips:")) and bool(self._named(uri, domains)[0])

    def _named(self, destination: str, domains: Collection[str]) -> tuple[str, bool]:
        """The name or extension, and whether it can be nothing else."""
        if not destination.lower().startswith(("sip:", "sips:")):
            return destination, False
        found = uri(destination)
        if found.host.lower() == REALM:
            return found.user, True
        is_ours = found.host.lower() in domains or (found.host, found.port) in self._ours()
        return (found.user, False) if is_ours else ("", False)

    def _device(self, binding: BindingRow) -> Station | None:
        way = registration.way_to(binding.uri, binding.source, binding.path)
        if way is None:
            return None
        to = way.to
        if binding.transport != "udp" and not binding.path and binding.engine_id != self._engine_id:
            # Its connection is another engine's; it may listen where its Contact says.
            listening = uri(binding.uri).address
            if listening is None:
                return None
            to = listening
        return Station(way.uri, Place(to, binding.transport), way.route, binding.domains)

    async def dialled(self, phone: KnownPhone, dialled: str) -> tuple[Route, Loaded] | None:
        """What a call of a telephone runs that no number of its account takes: it is connected with another telephone, or with
        somebody whom a trunk reaches, where it may call out; nobody answers it before they do. None: nobody is there."""
        scope = Scope(phone.account_id, phone.user_id, "v1")
        if await phones.called(self._db, scope, dialled) is not None:
            destination = f"sip:{dialled}@{REALM}"
        else:
            destination = await self._outside(phone, scope, dialled)
        return (Route(phone.account_id, phone.user_id), _joined(destination)) if destination else None

    async def _outside(self, phone: KnownPhone, scope: Scope, dialled: str) -> str:
        number = trunks.dialled(dialled)
        if not phone.calls_out or not number or await trunks.for_number(self._db, scope, number) is None:
            return ""
        return number


def _joined(destination: str) -> Loaded:
    async def program(call: Call) -> None:
        await call.transfer(Transfer(destination, connect_timeout_s=RING_S))

    return Loaded("Telephone", program)


def knows_us_by(leg: SipLeg, domains: tuple[str, ...]) -> None:
    """The party of this leg is a telephone that calls us by these hosts: it may name others of its account there."""
    if domains and leg.peer is not None:
        leg.peer = replace(leg.peer, domains=domains)


Reach = Callable[[], Coroutine[Any, Any, "SipLeg | NotReached"]]


async def first_of(reaches: Sequence[Reach]) -> SipLeg | NotReached:
    """Ring at all places at once: who answers first has the call, at the others it stops ringing; also where one declines for
    all (6xx, RFC 3261 §16.7).

    Where nobody answers: the best reason. A place that was cancelled has hung up (`Reach` sees to it).
    """
    if not reaches:
        return NotReached("noanswer", "480 the phone is registered nowhere", 480)
    if len(reaches) == 1:
        return await _reached(reaches[0])
    ringing = [asyncio.ensure_future(_reached(reach)) for reach in reaches]
    refused: list[NotReached] = []
    answered: SipLeg | None = None
    try:
        for one in asyncio.as_completed(ringing):
            reached = await one
            if isinstance(reached, SipLeg):
                answered = reached
                return reached
            refused.append(reached)
            if reached.status >= 600:
                return reached
    finally:
        await _stop(ringing, answered)
    order = ("busy", "noanswer", "error")
    return min(refused, key=lambda reason: order.index(reason.outcome))


async def _reached(reach: Reach) -> SipLeg | NotReached:
    """One place that cannot be called is not the others' affair; and that may change, by another engine or another Contact."""
    try:
        return await reach()
    except (PeerError, ProviderError) as error:
        return NotReached("error", str(error))


async def _stop(ringing: Sequence["asyncio.Future[SipLeg | NotReached]"], answered: SipLeg | None) -> None:
    for one in ringing:
        one.cancel()
    for result in await asyncio.gather(*ringing, return_exceptions=True):
        if isinstance(result, SipLeg) and result is not answered:
            # Two answered in the same moment.
            result.hang_up()


def not_reached(refused: NotAnswered) -> NotReached:
    status, reason = refused.status if refused.heard else 0, f"{refused.status} {refused.reason}"
    match dialing.ending_of(refused.status):
        case "busy":
            return NotReached("busy", reason, status)
        case "no_answer":
            return NotReached("noanswer", reason, status)
        case _:
            # To the caller, who declines is busy.
            return NotReached("busy" if status == 603 else "error", reason, status)
