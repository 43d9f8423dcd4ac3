"""Transfers between our legs and telephones of others (baresip), by REFER in both directions."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from baresip import WAIT_S, baresip

from callwright.ports.leg import LegEnded
from callwright.sip.call import SipCall
from callwright.telephony.leg import SipLeg
from callwright.telephony.plane import MediaPlane
from callwright.telephony.sip_endpoint import SipEndpoint

pytestmark = pytest.mark.interop
HOST = "127.0.0.1"


class Ours:
    """Our side: every call that comes waits in `calls`."""

    def __init__(self, plane: MediaPlane) -> None:
        self.plane = plane
        self.calls: asyncio.Queue[SipCall] = asyncio.Queue()

    async def open(self) -> "Ours":
        self.endpoint = await SipEndpoint.open(HOST, 0, on_invite=self.calls.put_nowait)
        return self

    def uri(self, user: str) -> str:
        return f"sip:{user}@{HOST}:{self.endpoint.address[1]}"

    async def taken(self, user: str) -> SipLeg:
        """The next call, which is for this user, answered."""
        async with asyncio.timeout(WAIT_S):
            call = await self.calls.get()
        assert call.dialled == user
        call.ring()
        leg = SipLeg.incoming(call, self.plane, HOST)
        leg.follow(self.endpoint, lambda _: False)
        return leg


@pytest.fixture
async def ours() -> AsyncIterator[Ours]:
    plane = MediaPlane(HOST, 42000, 42999, asyncio.get_running_loop())
    plane.start()
    side = await Ours(plane).open()
    yield side
    await side.endpoint.close()
    plane.stop()


async def _end_of(leg: SipLeg) -> LegEnded:
    async with asyncio.timeout(WAIT_S):
        while not isinstance(event := await leg.event(), LegEnded):
            pass
        return event


async def test_baresip_is_sent_on(ours: Ours, tmp_path: Path) -> None:
    """It dials whom our REFER names, and tells us of the answer."""
    async with baresip(tmp_path) as phone:
        await phone.does("dial", ours.uri("100"))
        leg = await ours.taken("100")
        await phone.until("CALL_ESTABLISHED")
        asking = asyncio.ensure_future(leg.hand_over(ours.uri("desk"), WAIT_S))
        desk = await ours.taken("desk")
        referred = await asking
        assert (referred.status, referred.tried) == (200, True)
        leg.hang_up()
        assert not desk.ended
        desk.hang_up()


async def test_baresip_is_sent_to_somebody_busy(ours: Ours, tmp_path: Path) -> None:
    async with baresip(tmp_path) as phone:
        await phone.does("dial", ours.uri("100"))
        leg = await ours.taken("100")
        await phone.until("CALL_ESTABLISHED")
        asking = asyncio.ensure_future(leg.hand_over(ours.uri("desk"), WAIT_S))
        async with asyncio.timeout(WAIT_S):
            (await ours.calls.get()).reject(486)
        referred = await asking
        assert (referred.status, referred.tried) == (486, True)
        leg.hang_up()


@pytest.mark.parametrize("answers", [True, False])
async def test_baresip_sends_us_on(ours: Ours, tmp_path: Path, answers: bool) -> None:
    """Our leg goes on with whom it names, and ends with baresip where they are busy."""
    async with baresip(tmp_path) as phone:
        await phone.does("dial", ours.uri("100"))
        leg = await ours.taken("100")
        await phone.until("CALL_ESTABLISHED")
        await phone.does("transfer", ours.uri("desk"))
        if answers:
            desk = await ours.taken("desk")
            await phone.until("CALL_CLOSED")
            assert not leg.ended
            desk.hang_up()
        else:
            async with asyncio.timeout(WAIT_S):
                (await ours.calls.get()).reject(486)
            # Then it hangs up by itself.
            await phone.until("TRANSFER_FAILED")
        assert await _end_of(leg) == LegEnded("remote", "BYE")
