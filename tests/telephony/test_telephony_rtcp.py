"""RTCP with a far end of our own and with baresip; a far end that has gone."""

import asyncio
import socket
import time

import pytest
from baresip import baresip
from hearing import tone, write
from rtp_peer import HOST, Call, Inbox, free_ports

from callwright.media import rtcp
from callwright.media.frames import frames
from callwright.ports.leg import KeyPressed, LegEnded
from callwright.sip import sdp
from callwright.sip.call import SipCall
from callwright.telephony.leg import SipLeg
from callwright.telephony.media_coding import Agreed
from callwright.telephony.plane import Closed, MediaPlane, NoAudio
from callwright.telephony.sip_endpoint import SipEndpoint

PROMPT = frames(bytes(range(160)) * 2000)
REPORT_S = 8.0
"Longer than the first two reports take, at random."


class Reporter:
    """The far end's RTCP: a socket of its own, and what came there as (time, report, datagram)."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.bind((HOST, 0))
        self.address = self.sock.getsockname()
        self.inbox = Inbox()
        asyncio.get_running_loop().add_reader(self.sock.fileno(), self._read)

    def _read(self):
        data = self.sock.recv(2048)
        self.inbox.add((time.time(), rtcp.parse(data), data))

    async def got(self, count):
        await self.inbox.until(lambda items: len(items) >= count, REPORT_S * count)
        return self.inbox.items

    def close(self):
        asyncio.get_running_loop().remove_reader(self.sock.fileno())
        self.sock.close()


@pytest.mark.wire
class TestReports:
    async def test_each_side_learns_what_the_other_hears(self, plane):
        there = Reporter()
        made = Call(plane, connect=False)
        made.connect(Agreed(101, rtcp=there.address))
        made.session.play([PROMPT], 1)
        for number in range(20):
            made.peer.send(made.session, skip=2 if number == 10 else 0)
        ((at, report, _),) = await there.got(1)
        assert report.last_report is not None
        (block,) = report.blocks
        assert (block.ssrc, block.lost, block.fraction_lost) == (made.peer.ssrc, 2, 2 * 256 // 22)
        assert block.highest == made.peer.sequence
        # The far end answers half a second later; that is no part of the round trip.
        ssrc = made.peer.packets[0].ssrc
        await asyncio.sleep(0.5)  # the delay itself
        answer = rtcp.Block(ssrc, 0, 7, 1, 80, report.last_report, int((time.time() - at) * 65536))
        data = rtcp.pack(made.peer.ssrc, "far", rtcp.Sent(time.time(), 0, 20, 3200), answer)
        there.sock.sendto(data, (HOST, made.session.port + 1))
        (_, (later, second, _)) = await there.got(2)
        (block,) = second.blocks
        assert block.last_report and 0 < block.delay / 65536 < later - at
        made.session.close()
        stats = (await made.told.event(Closed)).stats
        assert (stats.reports, stats.far_lost, stats.far_jitter_ms, stats.lost) == (1, 7, 10.0, 2)
        assert 0 < stats.round_trip_ms < 200
        last = (await there.got(3))[2][2]
        assert last[-8:-4] == b"\x81\xcb\x00\x01", "BYE"
        there.close()
        made.peer.close()

    async def test_reports_share_the_port_of_audio(self, plane):
        made = Call(plane, connect=False)
        to = (HOST, made.peer.port)
        made.session.connect(*to, Agreed(101, rtcp=to, rtcp_mux=True))
        made.peer.send(made.session)
        # To the test's peer a report is no RTP: None.
        await made.peer.inbox.until(lambda items: any(packet is None for _, packet in items), REPORT_S)
        block = rtcp.Block(made.session._stream._ssrc, 0, 5, 1, 0, 0, 0)
        made.peer.sock.sendto(rtcp.pack(made.peer.ssrc, "far", None, block), (HOST, made.session.port))
        made.peer.tap(made.session, 3)
        await made.told.event(KeyPressed)
        made.session.close()
        stats = (await made.told.event(Closed)).stats
        assert (stats.reports, stats.far_lost, stats.packets_received) == (1, 5, 2)
        made.peer.close()

    @pytest.mark.parametrize("forged", ["ssrc", "port"])
    async def test_reports_of_others_are_not_believed(self, plane, forged):
        """Another host cannot be had on loopback; on the shared port another source is as good."""
        made = Call(plane, connect=False)
        to = (HOST, made.peer.port)
        made.session.connect(*to, Agreed(101, rtcp=to, rtcp_mux=True))
        made.peer.send(made.session)
        ours = made.session._stream._ssrc
        block = rtcp.Block(ours if forged == "port" else ours ^ 1, 0, 5, 1, 0, 0, 0)
        stranger = Reporter()
        sock = stranger.sock if forged == "port" else made.peer.sock
        sock.sendto(rtcp.pack(made.peer.ssrc, "far", None, block), (HOST, made.session.port))
        made.peer.tap(made.session, 3)
        await made.told.event(KeyPressed)
        made.session.close()
        assert (await made.told.event(Closed)).stats.reports == 0
        stranger.close()
        made.peer.close()

    async def test_a_short_call_opens_no_second_socket(self, plane):
        made = Call(plane, connect=False)
        made.connect(Agreed(101, rtcp=(HOST, 9)))
        made.peer.tap(made.session, 3)
        await made.told.event(KeyPressed)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((HOST, made.session.port + 1))
        made.session.close()
        await made.told.event(Closed)
        made.peer.close()

    async def test_the_longest_gap(self, plane):
        made = Call(plane)
        for number in range(10):
            made.peer.send(made.session)
            await asyncio.sleep(0.3 if number == 5 else 0.02)  # the pace of the far end
        made.peer.tap(made.session, 3)
        await made.told.event(KeyPressed)
        made.session.close()
        assert 200 < (await made.told.event(Closed)).stats.gap_max_ms < 1000
        made.peer.close()


@pytest.mark.pure
class TestDescriptions:
    @pytest.mark.parametrize(
        ("lines", "expected"),
        [
            ((), (("192.0.2.7", 4001), False)),
            (("a=rtcp:5000",), (("192.0.2.7", 5000), False)),
            (("a=rtcp:5000 IN IP4 192.0.2.8",), (("192.0.2.8", 5000), False)),
            (("a=rtcp-mux", "a=rtcp:5000"), (("192.0.2.7", 4000), True)),
            (("a=rtcp:0",), (None, False)),
            (("b=RS:0", "b=RR:0", "a=rtcp-mux"), (None, False)),
            (("b=RS:0",), (("192.0.2.7", 4001), False)),
        ],
    )
    def test_where_reports_go(self, lines, expected):
        text = "\r\n".join(["v=0", "c=IN IP4 192.0.2.7", "m=audio 4000 RTP/AVP 0", *lines, ""])
        read = sdp.audio(sdp.parse(text), sdp.Side("192.0.2.1", 30_000))
        assert (read.rtcp, read.rtcp_mux) == expected
        answered = sdp.answer(sdp.parse(text), sdp.Side("192.0.2.1", 30_000))
        assert ("a=rtcp-mux" in answered) == expected[1]


@pytest.mark.wire
async def test_a_far_end_that_only_listens_is_not_missed(plane):
    made = Call(plane, connect=False)
    stream = made.session._stream
    stream._no_audio = 1
    made.connect(Agreed(101, heard=False))
    other = Call(plane)
    other.session._stream._no_audio = 1
    await other.told.event(NoAudio)
    await asyncio.sleep(1.1)  # every stream has its second
    assert made.told.of(NoAudio) == []
    for one in (made, other):
        one.session.close()
        one.peer.close()


@pytest.mark.interop
@pytest.mark.parametrize("mux", [False, True])
async def test_baresip_reports(plane, tmp_path, mux):
    """Both ways, on the port beside and on the shared one."""
    legs: list[SipLeg] = []

    def take(one: SipCall) -> None:
        legs.append(SipLeg.incoming(one, plane, HOST))
        legs[0].play([PROMPT], 1)

    endpoint = await SipEndpoint.open(HOST, 0, on_invite=take)
    config = f"rtcp_mux {'yes' if mux else 'no'}\n"
    plays = write(tmp_path / "plays.wav", tone(500, 60))
    to = f"sip:100@{HOST}:{endpoint.address[1]}"
    async with baresip(tmp_path / "baresip", plays=plays, config=config) as peer:
        await peer.does("dial", to)
        await peer.until("CALL_ESTABLISHED")
        stream = legs[0]._media._stream
        async with asyncio.timeout(25):
            while stream.stats().reports < 2:  # noqa: ASYNC110 - the plane has no event for it
                await asyncio.sleep(0.1)
        assert stream._reports.mux == mux
        legs[0].hang_up()
        await peer.until("CALL_CLOSED")
    stats = await legs[0].closed(5)
    assert stats.reports >= 2 and stats.far_lost == 0 and 0 < stats.round_trip_ms < 500
    assert stats.lost == 0
    await endpoint.close()


@pytest.mark.interop
async def test_a_far_end_that_vanishes(tmp_path):
    """baresip is killed: no BYE, no packet."""
    plane = MediaPlane(HOST, *free_ports(4), asyncio.get_running_loop(), no_audio_s=2)
    plane.start()
    legs: list[SipLeg] = []
    endpoint = await SipEndpoint.open(HOST, 0, on_invite=lambda one: legs.append(SipLeg.incoming(one, plane, HOST)))
    plays = write(tmp_path / "plays.wav", tone(500, 60))
    async with baresip(tmp_path / "baresip", plays=plays) as peer:
        await peer.does("dial", f"sip:100@{HOST}:{endpoint.address[1]}")
        await peer.until("CALL_ESTABLISHED")
    async with asyncio.timeout(15):
        assert await legs[0].event() == LegEnded("failure", "nothing came from the far end for 2 s")
    await endpoint.close()
    plane.stop()
