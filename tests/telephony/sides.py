"""Our side of calls with SIPp."""

import asyncio
from typing import Any

from callwright.sip.call import SipCall
from callwright.sip.events import SipEvent
from callwright.telephony.leg import SipLeg
from callwright.telephony.plane import MediaPlane
from callwright.telephony.sip_endpoint import SipEndpoint


class Side:
    """Our side: `incoming` says what is done with a call; everything that calls tell is kept."""

    def __init__(self, plane: MediaPlane) -> None:
        self.plane = plane
        self.told: dict[str, list[SipEvent]] = {}
        self.legs: list[SipLeg] = []
        self.incoming = self.take

    async def open(self) -> "Side":
        self.endpoint = await SipEndpoint.open("127.0.0.1", 0, on_invite=self._invited, tcp=("127.0.0.1", 0))
        return self

    def _invited(self, call: SipCall) -> None:
        call.on_event = self.told.setdefault(call.call_id, []).append
        self.incoming(call)

    def take(self, call: SipCall) -> None:
        call.ring()
        self.legs.append(SipLeg.incoming(call, self.plane, "127.0.0.1"))

    def take_for(self, call: SipCall, seconds: float) -> None:
        """Answer, and hang up after a while."""
        self.take(call)
        asyncio.get_running_loop().call_later(seconds, self.legs[-1].hang_up)

    def dial(self, to: tuple[str, int], call_id: str = "ours", *, target: str = "", **options: Any) -> SipLeg:
        """`target`: the Request-URI, should it name another place."""
        leg = SipLeg.outgoing(
            self.endpoint,
            self.plane,
            "127.0.0.1",
            target=target or f"sip:100@127.0.0.1:{to[1]}",
            call_id=call_id,
            caller="200",
            to=to,
            **options,
        )
        self.legs.append(leg)
        return leg

    async def idle(self) -> None:
        """Until no call is left."""
        async with asyncio.timeout(40):
            while self.endpoint.calls:  # noqa: ASYNC110 - the endpoint has no event for it, and needs none
                await asyncio.sleep(0.02)
