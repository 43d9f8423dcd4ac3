"""The far ends of transfers: dialled by the account's trunks, or at a SIP URI that the author gave; by us, or by the caller's
own telephone (REFER). And whom the parties of calls may send in their place."""

import asyncio
import ipaddress
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from callwright.base.config import Config
from callwright.base.errors import PeerError, ProviderError
from callwright.engine.calls import Calls, Party
from callwright.engine.legs import Owner
from callwright.engine.telephones import Telephones, first_of, knows_us_by, not_reached
from callwright.media.codec import Codec
from callwright.ports.leg import HandedOver, Leg, NotReached
from callwright.providers.http import Guard
from callwright.services import trunks
from callwright.session.commands import Transfer
from callwright.sip.address import named_port, sip_uri, uri
from callwright.sip.caller_id import ANONYMOUS
from callwright.sip.locating import Place
from callwright.store.database import FAILURES, Database
from callwright.store.deployments import Route
from callwright.store.scope import Scope
from callwright.store.trunks import TrunkRow
from callwright.telephony.dialled import NotAnswered
from callwright.telephony.early_media import Waiting
from callwright.telephony.leg import SipLeg
from callwright.telephony.plane import MediaPlane
from callwright.telephony.sip_endpoint import Credentials, SipEndpoint
from callwright.telephony.succession import Station
from callwright.telephony.unanswered import UnansweredLeg, passed

REPLACED_S_MAX = 20.0
"How long two telephones that both answered may take to find each other, while the caller waits and the other hears nothing."


@dataclass(frozen=True, slots=True)
class _Target:
    """The far end of a transfer, and the peer that is asked for it."""

    uri: str
    places: list[Place]
    "Where it is, at least one; the others are for when nobody is there."

    caller_id: str = ""
    "That this peer wants."

    credentials: Credentials | None = None
    permits: Callable[[str], bool] = lambda _: True
    "Whether the peer may send us on to an IP address: a trunk may, what an author names may not reach what is private."

    told: Callable[[str], tuple[tuple[str, str], ...]] = lambda _: ()
    "Header fields that tell it who calls, beside or in place of From."

    srtp: bool = False
    "A trunk that is offered nothing else."

    codecs: tuple[type[Codec], ...] = ()
    authority: str = ""
    "That signed the trunk's certificate, in PEM."

    extra: tuple[tuple[str, str], ...] = ()
    "Header fields that lead to a telephone behind proxies."

    domains: tuple[str, ...] = ()
    "Hosts by which a telephone calls us."


class Transfers:
    """Dials for the calls of one engine."""

    def __init__(
        self,
        db: Database,
        config: Config,
        *,
        calls: Calls,
        endpoint: SipEndpoint,
        plane: MediaPlane,
        telephones: Telephones,
    ) -> None:
        self._db = db
        self._host = config.sip_host
        self._calls = calls
        self._endpoint = endpoint
        self._plane = plane
        self._telephones = telephones
        self._guard = Guard(config.allow_urls, config.loopback_only)

    def of(
        self, route: Route, party: Party, call_id: int, leg: SipLeg, report: Callable[[str], None]
    ) -> Callable[[Transfer], Awaitable[Leg | NotReached | HandedOver]]:
        """How one call reaches somebody."""

        async def dial(command: Transfer) -> Leg | NotReached | HandedOver:
            scope = Scope(route.account_id, route.user_id, "v1")
            try:
                if command.kind == "blind" and await self._telephones.devices(scope, command.destination) is None:
                    # A telephone of ours is known by its name here alone: that one we dial.
                    done = await _blind(leg, command, report)
                    if done is not None:
                        return done
                secret = route.is_pci or command.private
                owner = Owner(route.account_id, route.user_id, "transfer", call_id, party.outbound_call_id, secret)
                targets = await self._targets(route, command.destination)
                waiting = Waiting(leg, overhears=command.hold is None and len(targets) == 1)
                reached = await first_of(
                    [partial(self._reach, command, to, party.caller, owner, waiting) for to in targets]
                )
            except (PeerError, ProviderError, *FAILURES) as error:
                reached = NotReached("error", str(error))
            if isinstance(leg, UnansweredLeg):
                return _connected(leg, reached)
            if command.kind == "consultation" and isinstance(reached, SipLeg):
                return await _left_alone(leg, reached, report)
            return reached

        return dial

    def follow(self, leg: SipLeg, account: Route | Owner, *, dialled: bool, is_phone: bool = False) -> None:
        """Let the party of a leg send somebody in its place: whom we dialled to any address that transfers may go to, a caller
        to its own only, both and telephones of the account to those. We know whom we dial, and anybody may call."""
        scope = Scope(account.account_id, account.user_id, "v1")
        domains = leg.peer.domains if leg.peer is not None else ()
        stations = _Stations(self._telephones, scope, domains) if dialled or is_phone else None
        permits = self._permits if dialled else lambda _: False
        leg.follow(self._endpoint, permits, stations, account_id=account.account_id)

    async def _targets(self, route: Route, destination: str) -> list["_Target"]:
        """One, or all the places where a telephone of the account is."""
        scope = Scope(route.account_id, route.user_id, "v1")
        devices = await self._telephones.devices(scope, destination)
        return [await self._target(scope, destination)] if devices is None else [self._at(device) for device in devices]

    async def _target(self, scope: Scope, destination: str) -> "_Target":
        if not destination.lower().startswith(("sip:", "sips:")):
            trunk = await trunks.for_number(self._db, scope, destination)
            if trunk is None:
                raise PeerError(f"the account has no trunk for {destination}")
            places = await self._endpoint.locate(trunk.host, trunk.port, trunk.transport)
            known = trunks.credentials(self._db, trunk.username, trunk.sealed_password)
            return _Target(
                sip_uri(destination, trunk.host, trunk.port),
                places,
                trunk.caller_id,
                known,
                told=partial(_told, trunk),
                srtp=trunk.srtp,
                codecs=trunks.codecs_of(trunk.codecs),
                authority=trunk.certificate_authority,
            )
        found = uri(destination)
        wanted = found.transport or ("tls" if destination.lower().startswith("sips:") else "udp")
        places = await self._endpoint.locate(found.host, named_port(destination), wanted)
        allowed = [place for place in places if self._permits(place.address[0])]
        if not allowed:
            to = places[0].address[0]
            raise PeerError(f"{found.host} is at the private address {to}; allow it with --allow-url {to}")
        return _Target(destination, allowed, permits=self._permits)

    def _at(self, device: Station) -> "_Target":
        permits = self._telephones.permits(device)
        return _Target(device.uri, [device.place], permits=permits, extra=device.extra, domains=device.domains)

    def _permits(self, host: str) -> bool:
        return self._guard.permits(ipaddress.ip_address(host))

    async def _reach(
        self, command: Transfer, target: "_Target", caller: str, owner: Owner, waiting: Waiting
    ) -> SipLeg | NotReached:
        shown = command.caller_id or target.caller_id or caller or ANONYMOUS
        leg = SipLeg.outgoing(
            self._endpoint,
            self._plane,
            self._endpoint.us(target.places[0])[0],
            target=target.uri,
            call_id=f"{secrets.token_hex(12)}@{self._host}",
            caller=shown,
            to=target.places[0].address,
            extra=(
                *target.told(shown),
                *command.headers,
                *target.extra,
            ),
            credentials=target.credentials,
            permits=target.permits,
            transport=target.places[0].transport,
            others=target.places[1:],
            srtp=target.srtp,
            codecs=target.codecs,
            authority=target.authority,
        )
        knows_us_by(leg, target.domains)
        leg.waiting_for_it = waiting
        assert self._calls.seen is not None
        self._calls.seen.follow(leg, owner)
        # Among the legs from the start, so that an engine that stops cancels what still rings.
        self._calls.legs.add(leg)
        self.follow(leg, owner, dialled=True)
        try:
            refused = await leg.answered(command.connect_timeout_s)
        except asyncio.CancelledError:
            leg.hang_up()
            raise
        finally:
            leg.waiting_for_it = None
            self._calls.legs.discard(leg)
        return leg if refused is None else not_reached(refused)


class _Stations:
    """The telephones of one account, as `SipLeg.follow` asks for them."""

    def __init__(self, telephones: Telephones, scope: Scope, domains: tuple[str, ...]) -> None:
        self._telephones, self._scope, self._domains = telephones, scope, domains

    def means(self, target: str) -> bool:
        return self._telephones.means(target, self._domains)

    async def find(self, target: str) -> list[Station]:
        try:
            devices = await self._telephones.devices(self._scope, target, self._domains)
        except FAILURES as error:
            raise PeerError(str(error)) from None
        return devices or []


def _connected(leg: UnansweredLeg, reached: SipLeg | NotReached) -> SipLeg | NotReached:
    """Tell a caller that was not answered what came of its call."""
    if isinstance(reached, SipLeg):
        try:
            leg.answer()
        except PeerError as error:
            reached.hang_up()
            reached = NotReached("error", str(error), 488)
    if isinstance(reached, NotReached):
        leg.refusal = passed(reached.status)
    return reached


async def _blind(leg: SipLeg, command: Transfer, report: Callable[[str], None]) -> NotReached | HandedOver | None:
    """Have the caller's own telephone dial; None where it cannot."""
    fields = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in command.headers)
    destination = (
        f"{command.destination}{'&' if '?' in command.destination else '?'}{fields}" if fields else command.destination
    )
    try:
        referred = await leg.hand_over(destination, command.connect_timeout_s)
    except PeerError as error:
        report(f"The caller's side cannot be asked to transfer ({error}); the call is made from here")
        return None
    if 200 <= referred.status < 300:
        leg.hang_up()
        return HandedOver()
    if referred.tried or leg.ended:
        return not_reached(NotAnswered(referred.status, referred.reason))
    report(f"The caller's side does not transfer (status {referred.status}); the call is made from here")
    return None


async def _left_alone(leg: SipLeg, far_end: SipLeg, report: Callable[[str], None]) -> Leg | HandedOver:
    """Leave the caller and the far end to each other; the far end's leg where they cannot be."""
    try:
        if not (place := far_end.replaceable):
            raise PeerError("the far end knows no Replaces")
        referred = await leg.hand_over(place, REPLACED_S_MAX, far_end)
    except PeerError as error:
        report(f"The two cannot be left to each other ({error}); they are joined here")
        return far_end
    except asyncio.CancelledError:
        far_end.hang_up()
        raise
    if 200 <= referred.status < 300:
        leg.hang_up()
        far_end.hang_up()
        return HandedOver()
    report(f"The two cannot be left to each other (status {referred.status}); they are joined here")
    return far_end


def _told(trunk: TrunkRow, caller: str) -> tuple[tuple[str, str], ...]:
    return trunk.policy.told(caller, trunk.username, trunk.host)
