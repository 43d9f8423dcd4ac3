"""Audio over IPv6: the same plane, session and packets as over IPv4, at an address of the other family."""

import asyncio
import socket
import time

import pytest
from baresip import baresip
from hearing import left_of, of_wav, pitch, tone, write
from rtp_peer import HOST, Call, Inbox, Peer, free_ports, refused

from callwright.base.errors import PeerError, ProviderError
from callwright.media import g711, rtcp
from callwright.media.frames import frames
from callwright.media.rtp import Packet
from callwright.ports.leg import KeyPressed, PlayEnded
from callwright.sip.call import SipCall
from callwright.telephony import media_secure
from callwright.telephony.leg import SipLeg
from callwright.telephony.media_coding import Agreed
from callwright.telephony.plane import Closed, MediaPlane, NoAudio
from callwright.telephony.sip_endpoint import SipEndpoint

pytestmark = pytest.mark.wire

SIX = "::1"
PROMPT = frames(bytes(range(160)) * 50)


@pytest.fixture
async def call(plane):
    call = Call(plane, SIX)
    yield call
    call.peer.close()


async def _refused(call: Call) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as stranger:
        await refused(stranger, call)


class TestAudio:
    async def test_it_goes_both_ways(self, call):
        call.session.play([PROMPT], 1)
        got = await call.peer.got(50)
        assert {packet.payload for packet in got} == {bytes(range(160))}
        for _ in range(5):
            call.peer.send(call.session)
        call.peer.press(call.session, 4)
        assert (await call.told.event(KeyPressed)).key == "4"
        assert await call.told.event(PlayEnded) == PlayEnded(1, interrupted=False)
        call.session.close()
        stats = (await call.told.event(Closed)).stats
        assert (stats.packets_received, stats.foreign, stats.send_errors) == (15, 0, 0)

    async def test_our_packets_are_marked_as_voice(self, call):
        """DSCP 46, in the traffic class of IPv6."""
        call.peer.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
        asyncio.get_running_loop().remove_reader(call.peer.sock.fileno())
        call.session.play([PROMPT], 1)
        call.peer.sock.setblocking(True)
        _, extras, _, _ = await asyncio.to_thread(call.peer.sock.recvmsg, 2048, 64)
        assert [
            int.from_bytes(value[:4], "little") >> 2 for _, kind, value in extras if kind == socket.IPV6_TCLASS
        ] == [46]

    async def test_one_that_is_bridged_with_ipv4_hears_it_and_is_heard(self, plane, call):
        four = Call(plane)
        four.session.bridge(call.session)
        four.connect(Agreed(101))
        for _ in range(10):
            four.peer.send(four.session, bytes([4] * 160))
            call.peer.send(call.session, bytes([6] * 160))
            await asyncio.sleep(0.02)  # the pace of the far ends
        assert {packet.payload for packet in await call.peer.got(5)} == {bytes([4] * 160)}
        assert {packet.payload for packet in await four.peer.got(5)} == {bytes([6] * 160)}
        four.peer.close()

    async def test_unspecified_is_nowhere_and_another_description_is_followed(self, call):
        call.session.connect("::", call.peer.port, Agreed(101))
        call.session.play([PROMPT], 1)
        await call.told.event(PlayEnded)
        assert call.peer.packets == []
        # Of whatever family, since nothing is sent.
        call.session.connect("0.0.0.0", 4000, Agreed(101))
        other = Peer(SIX)
        call.session.connect("0:0:0:0:0:0:0:1", other.port, Agreed(101))
        call.session.play([PROMPT], 2)
        await other.got(3)
        other.close()

    @pytest.mark.parametrize("host", [HOST, "localhost"])
    async def test_no_other_family_and_no_name(self, call, host):
        with pytest.raises(PeerError):
            call.session.connect(host, 4000, Agreed(101))
        call.session.play([PROMPT], 1)
        await call.peer.got(3)

    async def test_an_ipv4_session_takes_no_ipv6(self, plane):
        made = Call(plane)
        with pytest.raises(PeerError):
            made.session.connect(SIX, 4000, Agreed(101))
        made.session.play([PROMPT], 1)
        await made.peer.got(3)
        made.peer.close()

    async def test_an_address_that_is_not_ours(self, plane):
        with pytest.raises(ProviderError, match="2001:db8::1"):
            plane.open(lambda _: None, "2001:db8::1")
        plane.open(lambda _: None, SIX).close()


class TestLatch:
    async def test_a_stranger_is_not_heard_and_before_long_not_even_read(self, call):
        stranger = Peer(SIX, ssrc=call.peer.ssrc)
        for _ in range(5):
            call.peer.send(call.session)
        stranger.press(call.session, 1)
        call.peer.tap(call.session, 9)
        await call.told.event(KeyPressed)
        assert [event.key for event in call.told.of(KeyPressed)] == ["9"]
        await _refused(call)
        call.peer.press(call.session, 7)
        assert (await call.told.event(KeyPressed, 2)).key == "7"
        call.session.play([PROMPT], 1)
        await call.peer.got(3)
        stranger.close()

    async def test_a_new_description_frees_the_socket(self, call):
        call.peer.send(call.session)
        await _refused(call)
        other = Peer(SIX)
        call.session.connect(SIX, other.port, Agreed(101))
        call.session.play([PROMPT], 1)
        await other.got(3)
        other.press(call.session, 5)
        assert (await call.told.event(KeyPressed)).key == "5"
        other.close()

    async def test_another_source_is_believed_after_a_few_packets_and_sent_to(self, call):
        """A firewall that gives it another port (NPTv6, RFC 6296, leaves the port alone and changes the prefix)."""
        behind = Peer(SIX)
        for _ in range(5):
            behind.send(call.session)
        behind.tap(call.session, 3)
        assert (await call.told.event(KeyPressed)).key == "3"
        call.session.play([PROMPT], 1)
        await behind.got(3)
        behind.close()


class TestReports:
    @pytest.mark.parametrize("mux", [False, True])
    async def test_they_go_both_ways(self, plane, mux):
        made = Call(plane, SIX, connect=False)
        inbox, beside = Inbox(), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        beside.setblocking(False)
        beside.bind((SIX, 0))
        sock = made.peer.sock if mux else beside
        loop = asyncio.get_running_loop()
        loop.remove_reader(sock.fileno())
        loop.add_reader(sock.fileno(), lambda: inbox.add(rtcp.parse(sock.recv(2048))))
        made.connect(Agreed(101, rtcp=sock.getsockname()[:2], rtcp_mux=mux))
        for _ in range(20):
            made.peer.send(made.session)
        (report,) = await inbox.until(lambda items: [one for one in items if one is not None][:1], 8)
        (block,) = report.blocks
        assert (block.ssrc, block.lost) == (made.peer.ssrc, 0)
        ssrc = made.session._stream._ssrc
        answer = rtcp.pack(
            made.peer.ssrc, "far", rtcp.Sent(time.time(), 0, 20, 3200), rtcp.Block(ssrc, 0, 7, 1, 80, 0, 0)
        )
        sock.sendto(answer, (SIX, made.session.port + (0 if mux else 1)))
        async with asyncio.timeout(10):
            while not made.session._stream.stats().reports:  # noqa: ASYNC110 - nothing tells of a report
                await asyncio.sleep(0.05)
        made.session.close()
        stats = (await made.told.event(Closed)).stats
        assert (stats.reports, stats.far_lost) == (1, 7)
        loop.remove_reader(sock.fileno())
        beside.close()
        made.peer.sock.close()


async def test_a_far_end_that_has_gone_is_told():
    plane = MediaPlane(SIX, *free_ports(4), asyncio.get_running_loop(), no_audio_s=1)
    plane.start()
    call = Call(plane, SIX)
    call.peer.send(call.session)
    await call.told.event(NoAudio)
    call.peer.close()
    plane.stop()


async def test_srtp(plane):
    suite, one, two = "AES_CM_128_HMAC_SHA1_80", bytes(range(30)), bytes(range(30, 60))
    made = Call(plane, SIX, connect=False)
    made.connect(Agreed(101, secured=media_secure.Keys(suite, one, two)))
    far = media_secure.Secured(made.peer.sock, media_secure.Keys(suite, two, one))
    far.sendto(Packet(101, True, 1, 1000, 77, bytes((8, 0x8A, 5, 0))).pack(), (SIX, made.session.port))
    assert (await made.told.event(KeyPressed)).key == "8"
    made.session.play([frames(bytes(range(160)) * 5)], 1)
    assert {len(packet.payload) for packet in await made.peer.got(5)} == {170}
    made.peer.close()


@pytest.mark.interop
async def test_baresip_hears_us_and_is_heard(plane, tmp_path):
    """It plays 1100 Hz and hears 600, and presses a key; each of its packets is taken."""
    legs: list[SipLeg] = []

    def take(one: SipCall) -> None:
        leg = SipLeg.incoming(one, plane, one.agent.address[0])
        leg.start_recording(str(tmp_path / "heard.wav"))
        leg.play([frames(g711.encode(tone(600, 3)))], 1)
        legs.append(leg)

    endpoint = await SipEndpoint.open("::", 0, on_invite=take)
    plays = write(tmp_path / "plays.wav", tone(1100, 4))
    async with baresip(tmp_path / "baresip", plays=plays, host=SIX) as peer:
        await peer.does("dial", f"sip:100@[::1]:{endpoint.address[1]}")
        await peer.until("CALL_ESTABLISHED")
        await peer.presses("7")
        told = []
        async with asyncio.timeout(20):
            while not isinstance(event := await legs[0].event(), PlayEnded):
                told.append(event)
        legs[0].hang_up()
        await peer.until("CALL_CLOSED")
    stats = await legs[0].closed(10)
    await endpoint.close()
    assert told == [KeyPressed("7")]
    assert abs(pitch(left_of(tmp_path / "heard.wav")) - 1100) < 5
    assert abs(pitch(*of_wav(peer.heard)) - 600) < 5
    assert stats is not None and (stats.foreign, stats.send_errors) == (0, 0) and stats.packets_received > 100
