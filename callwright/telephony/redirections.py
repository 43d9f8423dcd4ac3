"""Where a redirection leads that names a host, or another transport: looked up as a trunk is, while the call waits."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from callwright.base.errors import PeerError, ProviderError
from callwright.sip.address import Address, Transport, named_port, uri
from callwright.sip.invitation import LookUp
from callwright.sip.locating import Place
from callwright.sip.ways import Way

if TYPE_CHECKING:
    from callwright.sip.agent import Agent

log = logging.getLogger(__name__)

LOOK_UP_S_MAX = 5.0
"All questions for one place; somebody waits for it, and there may be another one."


class Redirections:
    """Of one endpoint. At most one look-up goes on for each call that is not answered."""

    def __init__(
        self,
        locate: Callable[[str, int, Transport], Awaitable[Sequence[Place]]],
        agent_to: Callable[[Place, str, str], "Agent"],
        us: Callable[[Place], Address],
    ) -> None:
        """All as `SipEndpoint` has them."""
        self._locate, self._agent_to, self._us = locate, agent_to, us
        self._tasks: set[asyncio.Task[None]] = set()

    def of(self, began: Place, authority: str, permits: Callable[[str], bool]) -> LookUp:
        """For a call that went there first: it stays on TLS, with the authority of its peer, and with the address of its audio."""

        def look_up(target: str, found: Callable[[list[Way]], None]) -> Callable[[], None]:
            task = asyncio.get_running_loop().create_task(self._find(target, began, authority, permits, found))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

            def stop() -> None:
                task.cancel()

            return stop

        return look_up

    async def _find(
        self,
        target: str,
        began: Place,
        authority: str,
        permits: Callable[[str], bool],
        found: Callable[[list[Way]], None],
    ) -> None:
        ways: list[Way] = []
        try:
            there = uri(target)
            wanted = there.transport or ("tls" if target.lower().startswith("sips:") else began.transport)
            async with asyncio.timeout(LOOK_UP_S_MAX):
                places = await self._locate(there.host, named_port(target), wanted)
            for place in places:
                if self._fits(place, began) and permits(place.address[0]):
                    ways.append((self._agent_to(place, there.host, authority), place.address))
        except (PeerError, ProviderError, TimeoutError) as error:
            log.info("a redirection to %s leads nowhere: %s", target, error)
        found(ways)

    def _fits(self, place: Place, began: Place) -> bool:
        same_address = self._us(place)[0] == self._us(began)[0]
        return same_address and (began.transport != "tls" or place.transport == "tls")
