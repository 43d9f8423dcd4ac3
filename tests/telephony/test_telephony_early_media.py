"""What a far end plays before it answers is heard by whoever waits for it: real SIP and RTP on both sides."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from early_trio import NETWORK, RINGBACK, Trio, described, open_trio, without_events
from rtp_peer import HOST

from callwright.media.inband import ToneKeys, key_frames
from callwright.media.rtp import Packet
from callwright.ports.leg import KeyPressed, LegEnded
from callwright.sip import sdp
from callwright.sip.events import Answered, Ended, Reoffered, Ringing
from callwright.telephony.dialled import NotAnswered
from callwright.telephony.key_infos import KeyInfos
from callwright.telephony.unanswered import UnansweredLeg

pytestmark = pytest.mark.wire


@pytest.fixture
async def trio() -> AsyncIterator[Trio]:
    async with open_trio() as trio:
        yield trio


async def test_a_caller_hears_it_in_place_of_our_ringback(trio: Trio) -> None:
    rung = await trio.call(answered=True)
    trio.leg.play([[RINGBACK]], 1, again=True)
    rung.ring(described(trio.far_end))
    await trio.caller.inbox.until(lambda items: len(items) > 5)
    assert {packet.payload for packet in trio.caller.packets} == {RINGBACK}, "nothing was said yet"
    await trio.hears_the_network()
    heard = len(trio.caller.packets)
    for _ in range(5):
        trio.speaks()
    packets = await trio.caller.got(heard + 5)
    assert {packet.payload for packet in packets[heard:]} == {NETWORK}
    rung.answer(described(trio.far_end))
    assert await trio.dialled.answered(10) is None
    trio.leg.bridge(trio.dialled)
    trio.speaks()
    await trio.caller.got(heard + 6)


async def test_music_that_an_author_chose_goes_before_it(trio: Trio) -> None:
    rung = await trio.call(answered=True, overhears=False)
    trio.leg.play([[RINGBACK]], 1, again=True)
    rung.ring(described(trio.far_end))
    for _ in range(5):
        trio.speaks()
    await trio.caller.got(20)
    assert {packet.payload for packet in trio.caller.packets} == {RINGBACK}


async def test_a_caller_that_was_not_answered_gets_a_183(trio: Trio) -> None:
    rung = await trio.call(answered=False)
    rung.ring()
    assert (await trio.told.event(Ringing)) == Ringing(180)
    rung.ring(described(trio.far_end))
    await trio.hears_the_network()
    early = (await trio.told.until(lambda items: [one for one in items if one.__class__ is Ringing and one.sdp]))[0]
    assert early.status == 183
    rung.ring()
    trio.speaks()
    assert not [
        event for event in trio.told.of(Ringing)[trio.told.of(Ringing).index(early) + 1 :] if event.status == 180
    ]
    rung.answer(described(trio.far_end))
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
    rung.ring(described(trio.far_end))
    await trio.hears_the_network()
    assert await trio.dialled.answered(2.5) == NotAnswered(408, "No answer"), "not that it was silent for a second"
    assert await trio.dialled.event() == LegEnded("local", "hung up")


async def test_a_description_that_is_no_use_leaves_the_ringback(trio: Trio) -> None:
    rung = await trio.call(answered=True)
    trio.leg.play([[RINGBACK]], 1, again=True)
    rung.ring(described(trio.far_end, encoding="18"))
    trio.speaks()
    await trio.caller.got(10)
    assert {packet.payload for packet in trio.caller.packets} == {RINGBACK}
    rung.reject(486)
    refused = await trio.dialled.answered(10)
    assert refused is not None and refused.status == 486


async def test_a_caller_without_an_offer_hears_its_own_ringback(trio: Trio) -> None:
    rung = await trio.call(answered=False, offer="")
    rung.ring(described(trio.far_end))
    await trio.told.event(Ringing)
    for _ in range(5):
        trio.speaks()
    rung.reject(404)
    refused = await trio.dialled.answered(10)
    assert refused is not None and refused.status == 404
    assert [event.status for event in trio.told.of(Ringing)] == [180]


async def test_the_caller_gives_up_meanwhile(trio: Trio) -> None:
    rung = await trio.call(answered=False)
    rung.ring(described(trio.far_end))
    await trio.hears_the_network()
    trio.placed.hang_up()
    assert await trio.leg.event() == LegEnded("remote", "CANCEL")


def _keys(packets: list[Packet]) -> list[int]:
    """The telephone events in them, each once."""
    return list(dict.fromkeys(packet.payload[0] for packet in packets if packet.payload_type == 101))


class TestKeys:
    """Of the caller they reach the far end before it answers, as after it; of the far end nobody."""

    @pytest.mark.parametrize("answered", [True, False])
    async def test_as_events(self, trio: Trio, answered: bool) -> None:
        rung = await trio.early(answered=answered)
        trio.caller_presses(5)
        await trio.far_end.inbox.until(lambda _: _keys(trio.far_end.packets) == [5])
        trio.far_end.tap(trio.dialled._media, 7)
        trio.caller_presses(6)
        await trio.far_end.inbox.until(lambda _: _keys(trio.far_end.packets) == [5, 6])
        rung.answer(described(trio.far_end))
        assert await trio.dialled.answered(10) is None
        if isinstance(trio.leg, UnansweredLeg):
            trio.leg.answer()
        assert trio.leg.waiting() is None and trio.dialled.waiting() is None, (
            "whoever bridges them gets none a second time"
        )
        trio.leg.bridge(trio.dialled)
        trio.caller_presses(8)
        assert await trio.leg.event() == KeyPressed("8")
        trio.far_end.tap(trio.dialled._media, 9)
        assert await trio.dialled.event() == KeyPressed("9"), "and not the 7 of before"
        assert _keys(trio.caller.packets) == []

    async def test_of_a_caller_that_tells_them_by_info(self, trio: Trio) -> None:
        await trio.early(offer=without_events(trio.caller))
        KeyInfos().send(trio.placed, "42")
        await trio.far_end.inbox.until(lambda _: _keys(trio.far_end.packets) == [4, 2])

    async def test_of_a_caller_that_sends_tones_to_a_far_end_that_knows_events(self, trio: Trio) -> None:
        await trio.early(offer=without_events(trio.caller))
        for number, frame in enumerate([*key_frames(5), *[b"\xff" * 160] * 5]):
            trio.caller_sends(0, frame, timestamp=number * 160)
        await trio.far_end.inbox.until(lambda _: _keys(trio.far_end.packets) == [5])

    @pytest.mark.parametrize("events", [True, False])
    async def test_to_a_far_end_that_only_hears(self, trio: Trio, events: bool) -> None:
        """As tones that we make, or that pass in the audio: either way one key."""
        offer = described(trio.caller) if events else without_events(trio.caller)
        await trio.early(offer=offer, description=without_events(trio.far_end))
        heard, already = ToneKeys(), 0

        def keys() -> list[str]:
            nonlocal already
            fresh = [packet.payload for packet in trio.far_end.packets[already:]]
            already += len(fresh)
            return [key for payload in fresh for key in heard.hear(payload)]

        if events:
            trio.caller_presses(5)
        else:
            for number, frame in enumerate(key_frames(5)):
                trio.caller_sends(0, frame, timestamp=number * 160)
        assert await trio.far_end.inbox.until(lambda _: keys()) == ["5"]

    async def test_after_a_refusal_they_are_the_applications_again(self, trio: Trio) -> None:
        rung = await trio.early()
        rung.reject(486)
        refused = await trio.dialled.answered(10)
        assert refused is not None and refused.status == 486
        trio.caller_presses(3)
        assert await trio.leg.event() == KeyPressed("3")


class TestHold:
    """A caller that was answered may hold while it waits."""

    @pytest.mark.parametrize(("says", "answered"), [("sendonly", "recvonly"), ("inactive", "inactive")])
    async def test_it_hears_nothing_until_it_resumes(self, trio: Trio, says: str, answered: str) -> None:
        rung = await trio.early()
        answer = await trio.changes(described(trio.caller, direction=says))
        assert f"a={answered}\r\n" in answer
        before = len(trio.caller.packets)
        await trio.goes_on_unheard(5)
        assert "a=sendrecv\r\n" in await trio.changes(described(trio.caller))
        assert len(trio.caller.packets) == before
        trio.speaks()
        assert len(await trio.caller.got(before + 1)) == before + 1
        rung.answer(described(trio.far_end))
        assert await trio.dialled.answered(10) is None
        trio.leg.bridge(trio.dialled)
        trio.dialled.hang_up()
        await trio.at_rung.event(Ended)
        assert trio.at_rung.of(Reoffered) == [], "what is over by then is told to nobody"

    async def test_it_is_told_when_the_far_end_answers(self, trio: Trio) -> None:
        rung = await trio.early()
        await trio.changes(described(trio.caller, direction="sendonly"))
        assert trio.at_rung.items == []
        rung.answer(described(trio.far_end))
        assert await trio.dialled.answered(10) is None
        trio.leg.bridge(trio.dialled)
        assert "a=sendonly\r\n" in (await trio.at_rung.event(Reoffered)).sdp
        rung.answer_reoffer(described(trio.far_end, direction="recvonly"))
        await trio.changes(described(trio.caller))
        assert "a=sendrecv\r\n" in (await trio.at_rung.event(Reoffered, 2)).sdp

    async def test_it_may_begin_before_the_first_packet(self, trio: Trio) -> None:
        rung = await trio.call(answered=True)
        await trio.changes(described(trio.caller, direction="inactive"))
        rung.ring(described(trio.far_end))
        async with asyncio.timeout(10):
            while await asyncio.to_thread(trio.plane_done) < 5:
                trio.speaks()
        assert trio.caller.packets == []
        assert "a=sendrecv\r\n" in await trio.changes(described(trio.caller))
        await trio.hears_the_network()

    async def test_how_early_media_are_described_holds_no_caller(self, trio: Trio) -> None:
        """An announcement that only sends is no hold."""
        await trio.early(description=described(trio.far_end, direction="sendonly"))
        trio.placed.hang_up()
        assert await trio.leg.event() == LegEnded("remote", "BYE")
        assert trio.told.of(Reoffered) == []
