"""What a far end plays before it answers is heard by whoever waits for it: real SIP and RTP on both sides."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from rtp_peer import HOST, Inbox, Peer, free_ports

from callwright.ports.leg import LegEnded
from callwright.sip import sdp
from callwright.sip.call import SipCall
from callwright.sip.events import Answered, Ringing
from callwright.telephony.dialled import NotAnswered
from callwright.telephony.early_media import Waiting
from callwright.telephony.leg import SipLeg
from callwright.telephony.plane import MediaPlane
from callwright.telephony.sip_endpoint import SipEndpoint
from callwright.telephony.unanswered import UnansweredLeg

pytestmark = pytest.mark.wire

NETWORK, RINGBACK = b"\x11" * 160, b"\x22" * 160


def _described(peer: Peer, encoding: str = "0", address: str = HOST) -> str:
    return (
        f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
        f"m=audio {peer.port} RTP/AVP {encoding} 101\r\na=rtpmap:101 telephone-event/8000\r\n"
    )


class Trio:
    """A caller, us, and the far end that we dial for it."""

    def __init__(self, plane: MediaPlane) -> None:
        self.plane = plane
        self.caller, self.far_end = Peer(), Peer(ssrc=88)
        self.told, self.calls, self.rung = Inbox(), Inbox(), Inbox()
        self.leg: SipLeg
        self.dialled: SipLeg

    async def open(self) -> "Trio":
        self.at_caller = await SipEndpoint.open(HOST, 0, on_invite=lambda _: None)
        self.us = await SipEndpoint.open(HOST, 0, on_invite=self.calls.add)
        self.at_far_end = await SipEndpoint.open(HOST, 0, on_invite=self.rung.add)
        return self

    async def call(self, *, answered: bool, overhears: bool = True, offer: str | None = None) -> SipCall:
        """The caller calls, and we dial for it; the far end's call, that rings nowhere yet."""
        self.placed = self.at_caller.invite(
            f"sip:100@{HOST}", call_id="caller", caller="200", sdp=_described(self.caller) if offer is None else offer,
            to=self.us.address, on_event=self.told.add,
        )  # fmt: skip
        call = (await self.calls.until(lambda items: items))[0]
        self.leg = (SipLeg.incoming if answered else UnansweredLeg.ringing)(call, self.plane, HOST)
        host, port = self.at_far_end.address
        self.dialled = SipLeg.outgoing(
            self.us, self.plane, HOST, target=f"sip:300@{host}:{port}", call_id="ours", caller="200", to=(host, port)
        )
        self.dialled.waiting_for_it = Waiting(self.leg, overhears=overhears)
        rung: SipCall = (await self.rung.until(lambda items: items))[0]
        rung.on_event = lambda _: None
        self.to_far_end = sdp.parse(rung.offer).media[0].port
        return rung

    def speaks(self) -> None:
        """The far end's next packet."""
        self.far_end.sequence += 1
        self.far_end.timestamp += 160
        data = bytes((0x80, 0)) + (self.far_end.sequence & 0xFFFF).to_bytes(2, "big")
        data += (self.far_end.timestamp & 0xFFFFFFFF).to_bytes(4, "big") + (88).to_bytes(4, "big")
        self.far_end.sock.sendto(data + NETWORK, (HOST, self.to_far_end))

    async def hears_the_network(self) -> None:
        async with asyncio.timeout(10):
            while NETWORK not in [packet.payload for packet in self.caller.packets]:
                self.speaks()
                await asyncio.sleep(0.02)  # the pace of the far end

    async def close(self) -> None:
        self.dialled.hang_up()
        self.leg.hang_up()
        for endpoint in (self.at_caller, self.us, self.at_far_end):
            await endpoint.close()
        for leg in (self.leg, self.dialled):
            await leg.closed(5)
        self.caller.close()
        self.far_end.close()


@pytest.fixture
async def trio() -> AsyncIterator[Trio]:
    plane = MediaPlane(HOST, *free_ports(6), asyncio.get_running_loop())
    plane.start()
    trio = await Trio(plane).open()
    yield trio
    await trio.close()
    plane.stop()


async def test_a_caller_hears_it_in_place_of_our_ringback(trio: Trio) -> None:
    rung = await trio.call(answered=True)
    await trio.told.event(Answered)
    trio.leg.play([[RINGBACK]], 1, again=True)
    rung.ring(_described(trio.far_end))
    await trio.caller.inbox.until(lambda items: len(items) > 5)
    assert {packet.payload for packet in trio.caller.packets} == {RINGBACK}, "nothing was said yet"
    await trio.hears_the_network()
    heard = len(trio.caller.packets)
    for _ in range(5):
        trio.speaks()
    packets = await trio.caller.got(heard + 5)
    assert {packet.payload for packet in packets[heard:]} == {NETWORK}
    rung.answer(_described(trio.far_end))
    assert await trio.dialled.answered(10) is None
    trio.leg.bridge(trio.dialled)
    trio.speaks()
    await trio.caller.got(heard + 6)


async def test_music_that_an_author_chose_goes_before_it(trio: Trio) -> None:
    rung = await trio.call(answered=True, overhears=False)
    trio.leg.play([[RINGBACK]], 1, again=True)
    rung.ring(_described(trio.far_end))
    for _ in range(5):
        trio.speaks()
    await trio.caller.got(20)
    assert {packet.payload for packet in trio.caller.packets} == {RINGBACK}


async def test_a_caller_that_was_not_answered_gets_a_183(trio: Trio) -> None:
    rung = await trio.call(answered=False)
    rung.ring()
    assert (await trio.told.event(Ringing)) == Ringing(180)
    rung.ring(_described(trio.far_end))
    await trio.hears_the_network()
    early = (await trio.told.until(lambda items: [one for one in items if one.__class__ is Ringing and one.sdp]))[0]
    assert early.status == 183
    rung.ring()
    trio.speaks()
    assert not [
        event for event in trio.told.of(Ringing)[trio.told.of(Ringing).index(early) + 1 :] if event.status == 180
    ]
    rung.answer(_described(trio.far_end))
    assert await trio.dialled.answered(10) is None
    assert isinstance(trio.leg, UnansweredLeg)
    trio.leg.answer()
    assert (await trio.told.event(Answered)).sdp == early.sdp
    trio.leg.bridge(trio.dialled)
    trio.caller.sock.sendto(b"\x80\0\0\1" + bytes(8) + RINGBACK, (HOST, sdp.parse(early.sdp).media[0].port))
    assert (await trio.far_end.got(1))[0].payload == RINGBACK


async def test_an_announcement_and_then_a_refusal(trio: Trio) -> None:
    """And silence before an answer ends nothing, however long."""
    trio.plane.no_audio_s = 1
    rung = await trio.call(answered=True)
    rung.ring(_described(trio.far_end))
    await trio.hears_the_network()
    assert await trio.dialled.answered(2.5) == NotAnswered(408, "No answer"), "not that it was silent for a second"
    assert await trio.dialled.event() == LegEnded("local", "hung up")


async def test_a_description_that_is_no_use_leaves_the_ringback(trio: Trio) -> None:
    rung = await trio.call(answered=True)
    trio.leg.play([[RINGBACK]], 1, again=True)
    rung.ring(_described(trio.far_end, encoding="18"))
    trio.speaks()
    await trio.caller.got(10)
    assert {packet.payload for packet in trio.caller.packets} == {RINGBACK}
    rung.reject(486)
    refused = await trio.dialled.answered(10)
    assert refused is not None and refused.status == 486


async def test_a_caller_without_an_offer_hears_its_own_ringback(trio: Trio) -> None:
    rung = await trio.call(answered=False, offer="")
    rung.ring(_described(trio.far_end))
    await trio.told.event(Ringing)
    for _ in range(5):
        trio.speaks()
    rung.reject(404)
    refused = await trio.dialled.answered(10)
    assert refused is not None and refused.status == 404
    assert [event.status for event in trio.told.of(Ringing)] == [180]


async def test_the_caller_gives_up_meanwhile(trio: Trio) -> None:
    rung = await trio.call(answered=False)
    rung.ring(_described(trio.far_end))
    await trio.hears_the_network()
    trio.placed.hang_up()
    assert await trio.leg.event() == LegEnded("remote", "CANCEL")
