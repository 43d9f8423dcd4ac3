"""The party of a leg is asked to call somebody in place of us (REFER of ours)."""

import asyncio

from callwright.base.errors import PeerError
from callwright.sip.address import bracketed, uri
from callwright.sip.call import SipCall
from callwright.sip.events import Referred


class HandingOver:
    """Of one leg."""

    __slots__ = ("_referred",)

    def __init__(self) -> None:
        self._referred: asyncio.Future[Referred] | None = None

    async def ask(self, call: SipCall | None, destination: str, timeout_s: float, replaced: SipCall | None) -> Referred:
        """Have the far end of this call dial a number or a SIP URI; `replaced`: to take the place of that call there. Raises
        `PeerError` where it cannot be asked."""
        if call is None or call.dialog is None or call.state == "ended" or not call.allows("REFER"):
            raise PeerError("it takes no transfers")
        if not destination.lower().startswith(("sip:", "sips:")):
            place = uri(call.dialog.target)
            destination = f"sip:{destination}@{bracketed(place.host)}:{place.port}"
        self._referred = asyncio.get_running_loop().create_future()
        call.refer(destination, replaced)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._referred
        except TimeoutError:
            return Referred(408, "nothing came of it")
        finally:
            self._referred = None

    def told(self, event: Referred) -> None:
        """What came of it."""
        if self._referred is not None and not self._referred.done():
            self._referred.set_result(event)
