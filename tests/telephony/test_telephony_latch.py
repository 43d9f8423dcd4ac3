"""Whose packets are believed: attempts to speak into a call of others."""

import asyncio

import pytest
from rtp_peer import HOST, Call, Peer, free_ports

from callwright.ports.leg import KeyPressed
from callwright.telephony.media_latch import LATCH_PACKETS, Latch
from callwright.telephony.plane import Closed, MediaPlane

THERE, NAT, STRANGER = ("192.0.2.1", 4000), ("198.51.100.9", 61_000), ("203.0.113.66", 5000)


@pytest.mark.pure
class TestLatch:
    def test_the_signalled_address_settles_it(self):
        latch = Latch()
        latch.signal(THERE)
        assert latch.admits(THERE)
        assert not any(latch.admits(STRANGER) for _ in range(50))
        assert (latch.source, latch.foreign) == (THERE, 50)

    def test_another_has_to_go_on(self):
        latch = Latch()
        latch.signal(THERE)
        assert [latch.admits(NAT) for _ in range(LATCH_PACKETS)] == [False] * (LATCH_PACKETS - 1) + [True]

    def test_two_strangers_at_once_settle_nothing(self):
        latch = Latch()
        latch.signal(THERE)
        assert not any(latch.admits(source) for _ in range(20) for source in (NAT, STRANGER))

    def test_the_signalled_address_takes_over_from_another(self):
        latch = Latch()
        latch.signal(THERE)
        for _ in range(LATCH_PACKETS):
            latch.admits(STRANGER)
        assert latch.admits(THERE)
        assert not latch.admits(STRANGER)

    def test_a_new_description_begins_anew(self):
        latch = Latch()
        latch.signal(THERE)
        latch.admits(THERE)
        latch.signal(STRANGER)
        assert latch.admits(STRANGER) and not latch.admits(THERE)


@pytest.fixture
async def call():
    plane = MediaPlane(HOST, *free_ports(4), asyncio.get_running_loop())
    plane.start()
    call = Call(plane)
    yield call
    call.peer.close()
    plane.stop()


async def _stats(call: Call):
    call.session.close()
    return (await call.told.event(Closed)).stats


@pytest.mark.wire
class TestHijack:
    async def test_a_stranger_who_guesses_the_port_presses_no_key(self, call):
        stranger = Peer(ssrc=call.peer.ssrc)
        for _ in range(5):
            call.peer.send(call.session)
        for event in range(5):
            stranger.press(call.session, event)
        call.peer.tap(call.session, 9)
        await call.told.event(KeyPressed)
        assert [event.key for event in call.told.of(KeyPressed)] == ["9"]
        assert (await _stats(call)).foreign == 50
        stranger.close()

    async def test_who_forges_the_address_has_to_know_the_ssrc(self, call):
        """The forger's packets come from the far end's own socket, while that speaks."""
        for _ in range(5):
            call.peer.send(call.session)
        known, call.peer.ssrc = call.peer.ssrc, 666
        call.peer.press(call.session, 1)
        call.peer.ssrc = known
        call.peer.tap(call.session, 9)
        await call.told.event(KeyPressed)
        assert [event.key for event in call.told.of(KeyPressed)] == ["9"]
        assert (await _stats(call)).foreign == 10

    async def test_a_far_end_that_was_changed_for_another_is_heard_after_a_moment(self, call):
        for _ in range(5):
            call.peer.send(call.session)
        call.peer.ssrc = 4711
        for _ in range(10):
            call.peer.send(call.session)
            await asyncio.sleep(0.02)  # the pace of the far end
        call.peer.press(call.session, 3)
        assert (await call.told.event(KeyPressed)).key == "3"
        assert 1 <= (await _stats(call)).foreign <= 5
