"""A party that names a telephone of ours, some of whose places cannot be reached from here."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest
from rtp_peer import free_ports

from callwright.ports.leg import LegEnded
from callwright.sip.call import SipCall
from callwright.sip.locating import Place
from callwright.telephony.leg import SipLeg
from callwright.telephony.plane import MediaPlane
from callwright.telephony.sip_endpoint import SipEndpoint
from callwright.telephony.succession import Station

pytestmark = pytest.mark.wire

SIX = "::1"
WAIT_S = 10.0
NO_WAY = Station("sip:desk@[fe80::1]", Place(("fe80::1%lo", 5060), "udp"))
"Link-local: there is no address of ours that it could be told."


@dataclass
class _Desk:
    """The one telephone."""

    places: Sequence[Station]

    def means(self, target: str) -> bool:
        return "desk" in target

    async def find(self, target: str) -> Sequence[Station]:
        return self.places


@pytest.fixture
async def plane() -> AsyncIterator[MediaPlane]:
    plane = MediaPlane(SIX, *free_ports(8), asyncio.get_running_loop())
    plane.start()
    yield plane
    plane.stop()


@pytest.mark.parametrize("others", [0, 1])
async def test_a_device_without_a_way_to_it_is_not_the_others_affair(plane: MediaPlane, others: int) -> None:
    """They ring; and the party is told where there are none."""
    calls: asyncio.Queue[SipCall] = asyncio.Queue()
    rung: asyncio.Queue[SipCall] = asyncio.Queue()
    ours = await SipEndpoint.open("::", 0, on_invite=calls.put_nowait)
    theirs = await SipEndpoint.open(SIX, 0, on_invite=rung.put_nowait)
    desk = Station(f"sip:desk@[::1]:{theirs.address[1]}", Place(theirs.address, "udp"))
    to = (SIX, ours.address[1])
    party = SipLeg.outgoing(theirs, plane, SIX, target="sip:100@ours.test", call_id="party", caller="200", to=to)
    async with asyncio.timeout(WAIT_S):
        leg = SipLeg.incoming(await calls.get(), plane, SIX)
        leg.follow(ours, lambda _: False, _Desk([NO_WAY, *[desk] * others]))
        assert await party.answered(WAIT_S) is None
        asking = asyncio.ensure_future(party.hand_over(f"sip:desk@[::1]:{to[1]}", WAIT_S))
        if others:
            far_end = SipLeg.incoming(await rung.get(), plane, SIX)
            assert (await asking).status == 200
            far_end.hang_up()
        else:
            assert (await asking).status == 404
            party.hang_up()
        while not isinstance(await leg.event(), LegEnded):
            pass
    await theirs.close()
    await ours.close()
