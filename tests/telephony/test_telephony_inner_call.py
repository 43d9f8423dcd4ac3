"""A party names another call of ours in its REFER: whose legs are left to each other, and whose are not."""

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest
from rtp_peer import free_ports

from callwright.media.codec import Codec
from callwright.media.codecs import named
from callwright.ports.leg import KeyPressed, LegEnded
from callwright.sip.call import SipCall
from callwright.telephony.joint import leave
from callwright.telephony.leg import SipLeg
from callwright.telephony.plane import MediaPlane
from callwright.telephony.sip_endpoint import SipEndpoint

pytestmark = pytest.mark.wire

HOST = "127.0.0.1"
WAIT_S = 15.0


class _Both:
    """We, and a telephone with several calls to us."""

    def __init__(self, ours: SipEndpoint, theirs: SipEndpoint, planes: Sequence[MediaPlane]) -> None:
        self._ours, self._theirs, self._planes = ours, theirs, planes
        self.incoming: asyncio.Queue[SipCall] = asyncio.Queue()

    async def call(self, name: str, account_id: int, codecs: Sequence[type[Codec]] = ()) -> tuple[SipLeg, SipLeg]:
        """The telephone's leg, and ours."""
        party = SipLeg.outgoing(
            self._theirs, self._planes[1], HOST, target="sip:100@ours.test", call_id=name, caller="200", to=self._ours.address
        )  # fmt: skip
        leg = SipLeg.incoming(await self.incoming.get(), self._planes[0], HOST, codecs=codecs)
        leg.follow(self._ours, lambda _: False, account_id=account_id)
        assert await party.answered(WAIT_S) is None
        return party, leg


@pytest.fixture
async def both() -> AsyncIterator[_Both]:
    planes = [MediaPlane(HOST, *free_ports(8), asyncio.get_running_loop(), codecs=named("pcmu,pcma")) for _ in range(2)]
    async with AsyncExitStack() as stack:
        calls: list[asyncio.Queue[SipCall]] = []
        ours = await SipEndpoint.open(HOST, 0, on_invite=lambda call: calls[0].put_nowait(call))
        stack.push_async_callback(ours.close)
        theirs = await SipEndpoint.open(HOST, 0, on_invite=lambda call: call.reject(486))
        stack.push_async_callback(theirs.close)
        for plane in planes:
            plane.start()
            stack.callback(plane.stop)
        found = _Both(ours, theirs, planes)
        calls.append(found.incoming)
        async with asyncio.timeout(2 * WAIT_S):
            yield found


async def _until(leg: SipLeg, kind: type) -> object:
    while not isinstance(event := await leg.event(), kind):
        pass
    return event


async def test_keys_holds_and_the_end_go_from_one_to_the_other(both: _Both) -> None:
    first, one = await both.call("first", 1)
    second, other = await both.call("second", 1)
    assert (await first.hand_over(second.replaceable, WAIT_S, second)).status == 200
    for party in (first, second):
        assert await _until(party, LegEnded) == LegEnded("remote", "BYE")
    assert one.inner is not None and one.inner.other.leg is other and one.replaceable == ""
    one.send_keys("5")
    assert await _until(other, KeyPressed) == KeyPressed("5")
    for direction in ("sendonly", "sendrecv"):
        leave(one, direction)
        while other.described.held != direction:  # noqa: ASYNC110 - nothing else tells of it
            await asyncio.sleep(0.01)
    one.hang_up()
    assert await _until(other, LegEnded) == LegEnded("remote", "hung up")


@pytest.mark.parametrize("why", ["another account's", "no codec in common"])
async def test_two_that_are_not_for_each_other_stay_as_they_were(both: _Both, why: str) -> None:
    codecs = (named("pcmu"), named("pcma")) if why == "no codec in common" else ((), ())
    first, one = await both.call("first", 1, codecs[0])
    second, other = await both.call("second", 1 if codecs[0] else 2, codecs[1])
    referred = await first.hand_over(second.replaceable, WAIT_S, second)
    assert (referred.status, referred.tried) == (488 if codecs[0] else 481, True)
    for party, leg in ((first, one), (second, other)):
        assert leg.inner is None
        party.send_keys("7")
        assert await _until(leg, KeyPressed) == KeyPressed("7")
        party.hang_up()
        assert await _until(leg, LegEnded) == LegEnded("remote", "BYE")


async def test_a_call_that_has_itself_named_goes_on(both: _Both) -> None:
    party, leg = await both.call("only", 1)
    assert (await party.hand_over(party.replaceable, WAIT_S, party)).status == 482
    party.send_keys("7")
    assert await _until(leg, KeyPressed) == KeyPressed("7")


async def test_who_hangs_up_meanwhile_leaves_the_other_call_as_it_was(both: _Both) -> None:
    """The party that asked, and was told that we took it on, is gone before it comes to that."""
    first, one = await both.call("first", 1)
    second, other = await both.call("second", 1)
    asking = asyncio.ensure_future(first.hand_over(second.replaceable, WAIT_S, second))
    await asyncio.sleep(0)
    one.hang_up()
    await asking
    assert await _until(first, LegEnded)
    second.send_keys("7")
    assert await _until(other, KeyPressed) == KeyPressed("7")


async def test_a_leg_that_is_over_does_not_wait_for_the_garbage_collector(both: _Both) -> None:
    """Nor do two that were joined; its run is a pause for all calls that are there."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        first, one = await both.call("first", 1)
        second, other = await both.call("second", 1)
        one.bridge(other)
        one.mute_recordings(True)
        one.bridge(None)
        for leg in (one, other):
            leg.hang_up()
        for party in (first, second):
            await _until(party, LegEnded)
        for leg in (first, second, one, other):
            assert await leg.closed(WAIT_S) is not None
        del first, second, one, other, leg, party
        gc.collect()
        assert [found for found in gc.garbage if isinstance(found, SipLeg)] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
