"""Whose packets are believed: attempts to speak into a call of others."""

import asyncio
import socket

import pytest
from rtp_peer import HOST, Call, Peer, free_ports

from callwright.ports.leg import KeyPressed, PlayEnded
from callwright.telephony.media_coding import Agreed
from callwright.telephony.media_latch import LATCH_PACKETS, Latch
from callwright.telephony.plane import Closed, MediaPlane

THREE = [bytes(160)] * 3
"Packets to play."

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
        assert (await _stats(call)).foreign <= 50
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

    async def test_strangers_are_the_kernels_to_refuse_before_long(self, call):
        """Who sends from where its SDP said is the only one ever believed, so nobody else's packets are read."""
        call.peer.send(call.session)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            await _refused(stranger, call)
        call.peer.press(call.session, 7)
        assert (await call.told.event(KeyPressed)).key == "7"
        call.session.play([THREE], 1)
        await call.peer.got(3)

    async def test_a_new_description_is_followed_all_the_same(self, call):
        call.peer.send(call.session)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            await _refused(stranger, call)
        other = Peer()
        call.session.connect(HOST, other.port, Agreed(101))
        await _plays_to(other, call)
        other.press(call.session, 5)
        assert (await call.told.event(KeyPressed)).key == "5"
        call.peer.press(call.session, 6)
        other.tap(call.session, 8)
        await call.told.event(KeyPressed, 2)
        assert [event.key for event in call.told.of(KeyPressed)] == ["5", "8"]
        other.close()

    async def test_a_far_end_that_went_away_ends_nothing(self, call):
        """Its host says that nobody is there any more (ICMP)."""
        call.peer.send(call.session)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            await _refused(stranger, call)
        address = call.peer.sock.getsockname()
        call.peer.sock.close()
        call.session.play([THREE], 1)
        await call.told.event(PlayEnded)
        call.peer.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        call.peer.sock.bind(address)
        call.peer.tap(call.session, 2)
        assert (await call.told.event(KeyPressed)).key == "2"


async def _refused(stranger: socket.socket, call: Call) -> None:
    """Until the port says that it is not for this one."""
    stranger.connect((HOST, call.session.port))
    async with asyncio.timeout(10):
        with pytest.raises(ConnectionRefusedError):
            while True:
                stranger.send(b"x" * 172)
                await asyncio.sleep(0.01)  # the pace of a sender; the refusal comes with a later packet


async def _plays_to(peer: Peer, call: Call) -> None:
    call.session.play([THREE], 2)
    await peer.got(3)
