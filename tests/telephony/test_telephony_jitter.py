"""Jitter, by the times that the kernel notes of packets as they come in."""

import itertools
import socket
import struct
import time

import pytest
from rtp_peer import HOST, Call

from callwright.media.frames import frames
from callwright.ports.leg import KeyPressed, PlayEnded
from callwright.telephony.media_coding import Agreed
from callwright.telephony.plane import Closed

pytestmark = pytest.mark.wire

SO_TIMESTAMPNS = 35
TIMESPEC = struct.Struct("ll")


async def test_the_jitter_of_what_comes_is_known_more_exactly_than_the_planes_step(plane):
    """Packets every 3 ms, as their timestamps say: in steps of 10 ms they would come in threes."""
    call = Call(plane)
    pace_s, samples = 0.003, 24
    due, sent = time.monotonic(), []
    for _ in range(60):
        due += pace_s
        time.sleep(max(0.0, due - time.monotonic()))  # noqa: ASYNC251 - the pace of a sender
        call.peer.sequence += 1
        call.peer.timestamp += samples
        before = time.monotonic()
        call.peer.send_as(call.session, 0, bytes(160), call.peer.timestamp, marker=False)
        sent.append((before, time.monotonic()))
    call.peer.tap(call.session, 5)
    await call.told.event(KeyPressed)
    call.session.close()
    stats = (await call.told.event(Closed)).stats
    call.peer.close()
    jitter = 0.0
    for one, other in itertools.pairwise(sent):
        jitter += (abs(sum(other) / 2 - sum(one) / 2 - pace_s) - jitter) / 16
    # On this machine a packet comes in while it is being sent; a sample is 0.125 ms.
    unsure_ms = 2000 * max(after - before for before, after in sent) + 0.14
    assert stats.packets_received == 61
    assert stats.jitter_ms == pytest.approx(jitter * 1000, abs=unsure_ms)


async def test_what_is_sent_keeps_its_pace(plane):
    """The median of the gaps between packets, where the far end's kernel stamps them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind((HOST, 0))
        far.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        far.settimeout(10)
        call = Call(plane, connect=False)
        call.peer.port = far.getsockname()[1]
        call.session.connect(HOST, call.peer.port, Agreed(101))
        call.session.play([frames(bytes(16000))], 1)
        await call.told.event(PlayEnded)
        stamps = []
        for _ in range(100):
            _, ancillary, _, _ = far.recvmsg(2048, 64)
            seconds, nanoseconds = TIMESPEC.unpack(ancillary[0][2])
            stamps.append(seconds + nanoseconds / 1e9)
        gaps = sorted(other - one for one, other in itertools.pairwise(stamps))
        assert gaps[len(gaps) // 2] == pytest.approx(0.020, abs=0.002)
        assert stamps[-1] - stamps[0] == pytest.approx(1.98, abs=0.1)
        call.session.close()
        await call.told.event(Closed)
        call.peer.close()
