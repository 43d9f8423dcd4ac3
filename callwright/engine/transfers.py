"""The far ends of transfers: dialled by the account's trunks, or at a SIP URI that the author gave."""

import asyncio
import ipaddress
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from callwright.base.config import Config
from callwright.base.errors import PeerError, ProviderError
from callwright.engine.calls import Calls, Party
from callwright.engine.legs import Owner
from callwright.ports.leg import Leg, NotReached
from callwright.providers.http import Guard
from callwright.services import dialing, trunks
from callwright.session.commands import Transfer
from callwright.sip.address import Transport, uri
from callwright.store.database import FAILURES, Database
from callwright.store.deployments import Route
from callwright.store.scope import Scope
from callwright.telephony.leg import NotAnswered, SipLeg
from callwright.telephony.plane import MediaPlane
from callwright.telephony.sip_endpoint import Credentials, SipEndpoint


@dataclass(frozen=True, slots=True)
class _Target:
    """The far end of a transfer, and the peer that is asked for it."""

    uri: str
    peer: tuple[str, int]
    caller_id: str = ""
    "That this peer wants."

    credentials: Credentials | None = None
    permits: Callable[[str], bool] = lambda _: True
    "Whether the peer may send us on to an IP address: a trunk may, what an author names may not reach what is private."

    transport: Transport = "udp"


class Transfers:
    """Dials for the calls of one engine."""

    def __init__(self, db: Database, config: Config, *, calls: Calls, endpoint: SipEndpoint, plane: MediaPlane) -> None:
        self._db = db
        self._host = config.sip_host
        self._calls = calls
        self._endpoint = endpoint
        self._plane = plane
        self._guard = Guard(config.allow_urls, config.loopback_only)

    def of(self, route: Route, party: Party, call_id: int) -> Callable[[Transfer], Awaitable[Leg | NotReached]]:
        """How one call reaches somebody."""

        async def dial(command: Transfer) -> Leg | NotReached:
            try:
                target = await self._target(route, command.destination)
                secret = route.is_pci or command.private
                owner = Owner(route.account_id, route.user_id, "transfer", call_id, party.outbound_call_id, secret)
                return await self._reach(command, target, party.caller, owner)
            except (PeerError, ProviderError, *FAILURES) as error:
                return NotReached("error", str(error))

        return dial

    async def _target(self, route: Route, destination: str) -> "_Target":
        if not destination.lower().startswith(("sip:", "sips:")):
            scope = Scope(route.account_id, route.user_id, "v1")
            trunk = await trunks.for_number(self._db, scope, destination)
            if trunk is None:
                raise PeerError(f"the account has no trunk for {destination}")
            to = await self._endpoint.resolve(trunk.host, trunk.port)
            known = trunks.credentials(self._db, trunk.username, trunk.sealed_password)
            return _Target(
                f"sip:{destination}@{trunk.host}:{trunk.port}", to, trunk.caller_id, known, transport=trunk.transport
            )
        found = uri(destination)
        to = await self._endpoint.resolve(found.host, found.port)
        if not self._permits(to[0]):
            raise PeerError(f"{found.host} is at the private address {to[0]}; allow it with --allow-url {to[0]}")
        wanted = found.transport or ("tls" if destination.lower().startswith("sips:") else "udp")
        return _Target(destination, to, permits=self._permits, transport=wanted)

    def _permits(self, host: str) -> bool:
        return self._guard.permits(ipaddress.ip_address(host))

    async def _reach(self, command: Transfer, target: "_Target", caller: str, owner: Owner) -> Leg | NotReached:
        leg = SipLeg.outgoing(
            self._endpoint,
            self._plane,
            self._host,
            target=target.uri,
            call_id=f"{secrets.token_hex(12)}@{self._host}",
            caller=command.caller_id or target.caller_id or caller or "anonymous",
            to=target.peer,
            extra=command.headers,
            credentials=target.credentials,
            permits=target.permits,
            transport=target.transport,
        )
        assert self._calls.seen is not None
        self._calls.seen.follow(leg, owner)
        # Among the legs from the start, so that an engine that stops cancels what still rings.
        self._calls.legs.add(leg)
        try:
            refused = await leg.answered(command.connect_timeout_s)
        except asyncio.CancelledError:
            leg.hang_up()
            raise
        finally:
            self._calls.legs.discard(leg)
        return leg if refused is None else _not_reached(refused)


def _not_reached(refused: NotAnswered) -> NotReached:
    reason = f"{refused.status} {refused.reason}"
    match dialing.ending_of(refused.status):
        case "busy":
            return NotReached("busy", reason)
        case "no_answer":
            return NotReached("noanswer", reason)
        case _:
            # To the caller, who declines is busy.
            return NotReached("busy" if refused.status == 603 else "error", reason)
