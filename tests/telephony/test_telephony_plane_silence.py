"""Silence and lateness: a far end that sends nothing, and a clock that is held up."""

import asyncio
import time

import pytest
from rtp_peer import HOST, Call, Peer, free_ports

from callwright.ports.leg import PlayEnded
from callwright.telephony.media_coding import Agreed
from callwright.telephony.media_events import FirstPacket, NoAudio
from callwright.telephony.media_ports import PortPool
from callwright.telephony.media_stream import Stream
from callwright.telephony.plane import Closed, MediaPlane

pytestmark = pytest.mark.wire

QUIET_S = 30
SECOND = 8000


class Line:
    """A stream without its plane: the test has the clock."""

    def __init__(self):
        self.told = []
        self.peer = Peer()
        self.sock = PortPool(HOST, *free_ports(1)).open()
        self.port = self.sock.getsockname()[1]
        self.stream = Stream(self.sock, self.told.append, self._out(), QUIET_S)

    def _out(self):
        told = self.told

        class Out(list):
            def append(self, item):
                told.append(item[1])

        return Out()

    def packet(self, clock):
        self.peer.send(self)
        buffer = bytearray(2048)
        view = memoryview(buffer)
        assert self.stream.receive(buffer, view, view[12:172], clock)

    def seconds(self, first, last):
        for second in range(first, last):
            self.stream.each_second(second * SECOND)


@pytest.fixture
async def line():
    line = Line()
    yield line
    line.sock.close()
    line.peer.close()


async def test_a_far_end_that_never_sends_is_told_once(line):
    line.stream.connect(5 * SECOND, (HOST, line.peer.port), Agreed(None))
    line.seconds(5, 5 + QUIET_S)
    assert line.told == []
    line.seconds(5 + QUIET_S, 200)
    assert line.told == [NoAudio()]


async def test_each_silence_is_told_once(line):
    line.stream.connect(0, (HOST, line.peer.port), Agreed(None))
    for second in range(3):
        line.packet(second * SECOND)
    line.seconds(3, 2 + QUIET_S)
    assert line.told == [FirstPacket()]
    line.seconds(2 + QUIET_S, 100)
    assert line.told == [FirstPacket(), NoAudio()]
    for second in (100, 101):
        line.packet(second * SECOND)
    line.seconds(101, 200)
    assert line.told == [FirstPacket(), NoAudio(), NoAudio()]


async def test_before_the_call_is_connected_and_on_hold_silence_is_right(line):
    line.seconds(0, 100)
    line.stream.connect(100 * SECOND, (HOST, line.peer.port), Agreed(None))
    line.stream.hold(100 * SECOND, True)
    line.seconds(100, 200)
    line.stream.hold(200 * SECOND, False)
    line.seconds(200, 200 + QUIET_S)
    assert line.told == []
    line.seconds(200 + QUIET_S, 300)
    assert line.told == [NoAudio()]


def block(seconds):
    """A command that holds the plane up."""
    return lambda _stream, _clock: time.sleep(seconds)


@pytest.fixture
async def call():
    plane = MediaPlane(HOST, *free_ports(4), asyncio.get_running_loop())
    plane.start()
    call = Call(plane)
    yield call
    plane.stop()
    call.peer.close()


async def test_a_short_delay_is_made_up_for(call):
    call.session.play([(bytes(160),) * 50], 1)
    await call.peer.got(10)
    call.session._post(block(0.06))
    await call.told.event(PlayEnded)
    packets, times = call.peer.packets, [at for at, _ in call.peer.inbox.items]
    assert [p.timestamp - packets[0].timestamp & 0xFFFFFFFF for p in packets] == [160 * n for n in range(50)]
    assert times[-1] - times[0] == pytest.approx(0.98, abs=0.04)


async def test_a_long_delay_is_given_up_and_timestamps_know_it(call):
    call.session.play([tuple(bytes([n]) * 160 for n in range(50))], 1)
    await call.peer.got(10)
    call.session._post(block(0.5))
    await call.told.event(PlayEnded)
    packets, times = call.peer.packets, [at for at, _ in call.peer.inbox.items]
    assert [packet.payload[0] for packet in packets] == list(range(50)), "the prompt goes on where it was"
    resumed = [n for n in range(1, 50) if packets[n].marker]
    assert len(resumed) == 1
    pause = packets[resumed[0]].timestamp - packets[resumed[0] - 1].timestamp & 0xFFFFFFFF
    assert 0.4 <= pause / 8000 <= 0.56
    assert times[-1] - times[0] == pytest.approx(0.98 + 0.5, abs=0.1)
    call.session.close()
    await call.told.event(Closed)
    assert call.session._plane.snapshot().skipped_ms >= 400
