"""Whose packets are believed: attempts to speak into a call of others."""

import asyncio
import socket

import pytest
from rtp_peer import HOST, Call, Peer, free_ports, refused

from callwright.ports.leg import KeyPressed, PlayEnded
from callwright.telephony import media_ports
from callwright.telephony.media_coding import Agreed
from callwright.telephony.media_events import FirstPacket
from callwright.telephony.media_latch import LATCH_PACKETS, Latch
from callwright.telephony.media_ports import PortPool
from callwright.telephony.media_stream import Stream
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
            await refused(stranger, call)
        call.peer.press(call.session, 7)
        assert (await call.told.event(KeyPressed)).key == "7"
        call.session.play([THREE], 1)
        await call.peer.got(3)

    async def test_a_new_description_is_followed_all_the_same(self, call):
        call.peer.send(call.session)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            await refused(stranger, call)
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
            await refused(stranger, call)
        address = call.peer.sock.getsockname()
        call.peer.sock.close()
        call.session.play([THREE], 1)
        await call.told.event(PlayEnded)
        call.peer.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        call.peer.sock.bind(address)
        call.peer.tap(call.session, 2)
        assert (await call.told.event(KeyPressed)).key == "2"


@pytest.mark.wire
class TestEmptyDatagrams:
    """Of no bytes: they say nothing of whose they are, and are not the end of what waits to be read."""

    async def test_one_settles_nothing(self, call):
        """Where it comes from the address that the SDP names, a far end behind NAT is believed after it all the same."""
        nat = Peer()
        call.peer.sock.sendto(b"", (HOST, call.session.port))
        nat.press(call.session, 4)
        assert (await call.told.event(KeyPressed)).key == "4"
        call.session.play([THREE], 1)
        await nat.got(3)
        assert call.peer.packets == [] and (await _stats(call)).foreign == 0
        nat.close()

    async def test_before_the_far_end_is_known(self):
        plane = MediaPlane(HOST, *free_ports(4), asyncio.get_running_loop())
        plane.start()
        call = Call(plane, connect=False)
        for _ in range(3):
            call.peer.sock.sendto(b"", (HOST, call.session.port))
        call.connect(Agreed(101))
        call.peer.tap(call.session, 5)
        assert (await call.told.event(KeyPressed)).key == "5"
        assert call.told.items == [FirstPacket(), KeyPressed("5")] and plane.alive
        assert (await _stats(call)).packets_received == 1
        call.peer.close()
        plane.stop()

    async def test_once_the_kernel_lets_nobody_else_in(self, call):
        call.peer.send(call.session)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            await refused(stranger, call)
        call.peer.sock.sendto(b"", (HOST, call.session.port))
        call.peer.tap(call.session, 6)
        assert (await call.told.event(KeyPressed)).key == "6"
        call.session.play([THREE], 1)
        await call.peer.got(3)
        assert (await _stats(call)).packets_received == 2

    async def test_what_waits_behind_one_is_a_strangers_all_the_same(self):
        """The socket is given to the far end alone only when nothing waits that came before, from whomever."""
        sock = PortPool(HOST, *free_ports(1)).open()
        told, peer, stranger = [], Peer(), Peer()
        here = _Here(sock.getsockname()[1])
        stream = Stream(sock, told.append, told)
        stream.connect(0, (HOST, peer.port), Agreed(101))
        buffer = bytearray(2048)
        view = memoryview(buffer)
        peer.send(here)
        assert stream.receive(buffer, view, view[12:172], 0)
        stranger.sock.sendto(b"", (HOST, here.port))
        stranger.ssrc = peer.ssrc
        stranger.press(here, 7)
        assert not media_ports.is_empty(sock)
        stream.each_second(8000)
        while stream.receive(buffer, view, view[12:172], 8000):
            pass
        assert media_ports.is_empty(sock)
        stream.each_second(16_000)
        peer.press(here, 8)
        while stream.receive(buffer, view, view[12:172], 16_000):
            pass
        assert [one[1] for one in told] == [FirstPacket(), KeyPressed("8")] and stream.stats().foreign == 10
        for end in (peer, stranger, sock):
            end.close()


class _Here:
    """Of a session, what a peer asks of it."""

    def __init__(self, port: int) -> None:
        self.port = port


async def _plays_to(peer: Peer, call: Call) -> None:
    call.session.play([THREE], 2)
    await peer.got(3)
