"""The far ends of transfers: dialled by the account's trunks, or at a SIP URI that the author gave."""

import asyncio
import ipaddress
import secrets
from collections.abc import Awaitable, Callable

from callwright.base.config import Config
from callwright.base.errors import PeerError, ProviderError
from callwright.engine.calls import Calls, Party
from callwright.ports.leg import Leg, NotReached
from callwright.providers.http import Guard
from callwright.services import dialing, trunks
from callwright.session.commands import Transfer
from callwright.sip.address import uri
from callwright.store.database import FAILURES, Database
from callwright.store.deployments import Route
from callwright.store.scope import Scope
from callwright.telephony.leg import NotAnswered, SipLeg
from callwright.telephony.plane import MediaPlane
from callwright.telephony.sip_endpoint import SipEndpoint


class Transfers:
    """Dials for the calls of one engine."""

    def __init__(self, db: Database, config: Config, *, calls: Calls, endpoint: SipEndpoint, plane: MediaPlane) -> None:
        self._db = db
        self._host = config.sip_host
        self._calls = calls
        self._endpoint = endpoint
        self._plane = plane
        self._guard = Guard(config.allow_urls, config.loopback_only)

    def of(self, route: Route, party: Party) -> Callable[[Transfer], Awaitable[Leg | NotReached]]:
        """How one call reaches somebody."""

        async def dial(command: Transfer) -> Leg | NotReached:
            try:
                target, to, caller_id = await self._target(route, command.destination)
                return await self._reach(command, target, to, command.caller_id or caller_id or party.caller)
            except (PeerError, ProviderError, *FAILURES) as error:
                return NotReached("error", str(error))

        return dial

    async def _target(self, route: Route, destination: str) -> tuple[str, tuple[str, int], str]:
        """The URI to dial, the peer that gets it, and the caller id that this peer wants."""
        if not destination.lower().startswith(("sip:", "sips:")):
            scope = Scope(route.account_id, route.user_id, "v1")
            trunk = await trunks.for_number(self._db, scope, destination)
            if trunk is None:
                raise PeerError(f"the account has no trunk for {destination}")
            to = await self._endpoint.resolve(trunk.host, trunk.port)
            return f"sip:{destination}@{trunk.host}:{trunk.port}", to, trunk.caller_id
        found = uri(destination)
        to = await self._endpoint.resolve(found.host, found.port)
        if not self._guard.permits(ipaddress.ip_address(to[0])):
            raise PeerError(f"{found.host} is at the private address {to[0]}; allow it with --allow-url {to[0]}")
        return destination, to, ""

    async def _reach(self, command: Transfer, target: str, to: tuple[str, int], caller: str) -> Leg | NotReached:
        leg = SipLeg.outgoing(
            self._endpoint,
            self._plane,
            self._host,
            target=target,
            call_id=f"{secrets.token_hex(12)}@{self._host}",
            caller=caller or "anonymous",
            to=to,
            extra=command.headers,
        )
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
            return NotReached("error", reason)
