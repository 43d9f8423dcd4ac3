"""Audio in other codecs and packet lengths: on the plane with a peer of our own, and against SIPp and baresip."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from baresip import baresip
from hearing import left_of, of_wav, pitch, tone, write
from rtp_peer import Call
from sipp import bye_answer, call, dial, pause, recv

from callwright.media import codecs, g711
from callwright.media.codec import Codec
from callwright.media.frames import frames
from callwright.media.inband import ToneKeys, key_frames, tones
from callwright.ports.leg import KeyPressed, LegEnded, PlayEnded
from callwright.sip.call import SipCall
from callwright.telephony.leg import SipLeg
from callwright.telephony.media_coding import Agreed
from callwright.telephony.plane import Closed, MediaPlane, RecordingEnded
from callwright.telephony.sip_endpoint import SipEndpoint

(PCMA,) = codecs.named("pcma")
ALAW = Agreed(101, codec=PCMA, payload_type=8)
WAIT_S = 20.0


def _call(plane: MediaPlane, agreed: Agreed) -> Call:
    made = Call(plane, connect=False)
    made.connect(agreed)
    return made


async def _recorded(made: Call, path: Path) -> np.ndarray:
    made.session.close()
    assert (await made.told.event(RecordingEnded)).error == ""
    made.peer.close()
    return left_of(path)


@pytest.mark.wire
class TestPackets:
    async def test_a_prompt_goes_out_in_alaw(self, plane):
        made = _call(plane, ALAW)
        ulaw = g711.encode(tone(440, 0.2))
        made.session.play([frames(ulaw)], 1)
        await made.told.event(PlayEnded)
        sent = made.peer.packets
        assert [packet.payload_type for packet in sent] == [8] * 10
        assert [packet.marker for packet in sent] == [True] + [False] * 9
        assert {b.timestamp - a.timestamp & 0xFFFFFFFF for a, b in pairwise(sent)} == {160}
        heard = g711.decode_alaw(b"".join(packet.payload for packet in sent)).astype(int)
        assert np.abs(heard - tone(440, 0.2)).max() < 800
        made.peer.close()

    @pytest.mark.parametrize("milliseconds", [10, 20, 30, 40, 60])
    @pytest.mark.parametrize("payload_type", [0, 8])
    async def test_packets_of_any_length_are_heard(self, plane, tmp_path, milliseconds, payload_type):
        made = _call(plane, ALAW if payload_type else Agreed(101))
        samples = tone(600, 0.6)
        audio = PCMA().encode(g711.encode(samples)) if payload_type else g711.encode(samples)
        made.session.start_recording(str(tmp_path / "it.wav"))
        made.peer.timestamp = 0
        size = milliseconds * 8
        for at in range(0, len(audio), size):
            made.peer.sequence += 1
            made.peer.send_as(made.session, payload_type, audio[at : at + size], at, marker=False)
            await asyncio.sleep(milliseconds / 1000)  # the pace of the far end
        made.peer.tap(made.session, 5)
        await made.told.event(KeyPressed)
        heard = await _recorded(made, tmp_path / "it.wav")
        assert abs(pitch(heard) - 600) < 5

    async def test_comfort_noise_is_no_audio_and_no_loss(self, plane, tmp_path):
        made = _call(plane, ALAW)
        made.session.start_recording(str(tmp_path / "it.wav"))
        for number in range(10):
            made.peer.sequence += 1
            made.peer.timestamp += 160
            made.peer.send_as(made.session, 13 if number % 2 else 8, b"\x20" if number % 2 else b"\xd5" * 160,
                              made.peer.timestamp, marker=False)  # fmt: skip
        made.peer.tap(made.session, 5)
        await made.told.event(KeyPressed)
        heard = await _recorded(made, tmp_path / "it.wav")
        assert np.abs(heard.astype(int)).max() < 50
        closed = await made.told.event(Closed)
        assert (closed.stats.packets_received, closed.stats.lost) == (11, 0)

    async def test_long_packets_for_who_asks_for_them(self, plane):
        made = _call(plane, Agreed(101, frames=3))
        made.session.play([frames(bytes(range(160)) * 7)], 1)
        await made.told.event(PlayEnded)
        sent = made.peer.packets
        assert [len(packet.payload) for packet in sent] == [480, 480, 160]
        assert {b.timestamp - a.timestamp & 0xFFFFFFFF for a, b in pairwise(sent)} == {480}
        made.peer.close()

    async def test_a_reinvite_changes_the_codec(self, plane):
        made = _call(plane, Agreed(101))
        made.session.play([frames(b"\xff" * 16_000)], 1)
        await made.peer.got(3)
        made.connect(ALAW)
        await made.peer.inbox.until(lambda items: any(packet.payload_type == 8 for _, packet in items))
        made.connect(Agreed(101))
        await made.peer.inbox.until(lambda items: items[-1][1].payload_type == 0)
        numbers = [packet.sequence for packet in made.peer.packets]
        assert numbers == [(numbers[0] + n) & 0xFFFF for n in range(len(numbers))]
        made.peer.close()

    @pytest.mark.parametrize("other", ["pcmu", "pcma"])
    async def test_a_bridge_from_alaw(self, plane, other):
        """To A-law as it is, to µ-law transcoded."""
        one = _call(plane, ALAW)
        two = _call(plane, ALAW if other == "pcma" else Agreed(101))
        one.session.bridge(two.session)
        audio = PCMA().encode(g711.encode(tone(500, 0.1)))
        for at in range(0, len(audio), 160):
            one.peer.sequence += 1
            one.peer.send_as(one.session, 8, audio[at : at + 160], at, marker=False)
        got = await two.peer.got(5)
        heard = b"".join(packet.payload for packet in got)
        assert heard == (audio if other == "pcma" else PCMA().decode(audio))
        assert {packet.payload_type for packet in got} == {8 if other == "pcma" else 0}
        one.peer.close()
        two.peer.close()


def _paced(audio: bytes, codec: type[Codec], milliseconds: int = 20) -> list[bytes]:
    coder, size = codec(), milliseconds * 8
    return [coder.encode(audio[at : at + size]) for at in range(0, len(audio), size)]


@pytest.mark.wire
class TestBridge:
    @pytest.mark.parametrize("there", ["pcmu", "pcma", "g722", "opus"])
    @pytest.mark.parametrize("here", ["pcmu", "pcma", "g722", "opus"])
    async def test_any_codec_to_any_other(self, plane, here, there):
        (one_codec, two_codec) = (*codecs.named(here), *codecs.named(there))
        one, two = (
            _call(plane, Agreed(101, codec=codec, payload_type=codec.payload_type)) for codec in (one_codec, two_codec)
        )
        one.session.bridge(two.session)
        # Opus takes 20 ms alone; the others come in packets of 30 ms, which do not fit it.
        milliseconds = 30 if one_codec.joins else 20
        step = milliseconds * 8 * one_codec.clock_ratio
        for number, payload in enumerate(_paced(g711.encode(tone(500, 0.6)), one_codec, milliseconds)):
            one.peer.sequence += 1
            one.peer.send_as(one.session, one_codec.payload_type, payload, number * step, marker=False)
            await asyncio.sleep(milliseconds / 1000)  # the pace of the far end
        got = [packet for packet in await two.peer.got(20) if packet.payload_type == two_codec.payload_type]
        coder = two_codec()
        assert abs(pitch(g711.decode(b"".join(coder.decode(packet.payload) for packet in got))) - 500) < 5
        steps = {b.timestamp - a.timestamp & 0xFFFFFFFF for a, b in pairwise(got)}
        usual = milliseconds if two_codec.joins else 20
        assert steps <= {length * 8 * two_codec.clock_ratio for length in (20, usual)}
        one.peer.close()
        two.peer.close()

    async def test_tones_of_one_party_reach_another_that_takes_no_events_once(self, plane):
        one, two = _call(plane, Agreed(None)), _call(plane, Agreed(None))
        one.session.bridge(two.session)
        for frame in (*key_frames(5), *[b"\xff" * 160] * 5):
            one.peer.send(one.session, frame)
            await asyncio.sleep(0.02)  # the pace of the far end
        pressed = await one.told.event(KeyPressed)
        two.session.send_keys(pressed.key)
        sent = await two.peer.got(13)
        keys = ToneKeys()
        assert "".join(keys.hear(packet.payload) for packet in sent) == "5"
        one.peer.close()
        two.peer.close()

    async def test_music_of_a_party_that_holds_is_heard_by_the_other(self, plane):
        """`sendonly`: nothing is sent to who holds, and what it plays goes through."""
        one, two = _call(plane, Agreed(101)), _call(plane, Agreed(101))
        one.session.bridge(two.session)
        one.session.hold(True)
        for _ in range(5):
            one.peer.send(one.session)
            two.peer.send(two.session)
        await two.peer.got(5)
        one.session.hold(False)
        two.peer.send(two.session)
        assert len(await one.peer.got(1)) == 1
        one.peer.close()
        two.peer.close()


@pytest.mark.wire
class TestKeysAsTones:
    async def test_keys_go_to_who_takes_no_events_as_tones(self, plane):
        made = _call(plane, Agreed(None, codec=PCMA, payload_type=8))
        made.session.send_keys("1#")
        sent = await made.peer.got(16)
        assert {packet.payload_type for packet in sent} == {8}
        assert [packet.marker for packet in sent] == [True, *[False] * 7] * 2
        keys = ToneKeys()
        assert "".join(keys.hear(PCMA().decode(packet.payload)) for packet in sent) == "1#"
        made.peer.close()

    async def test_tones_are_no_keys_where_events_were_agreed_on(self, plane):
        made = _call(plane, Agreed(101))
        for frame in key_frames(5) * 2:
            made.peer.send(made.session, frame)
        made.peer.tap(made.session, 9)
        await made.told.event(KeyPressed)
        assert [event.key for event in made.told.of(KeyPressed)] == ["9"]
        made.peer.close()


class Side:
    """Answers a call, plays 600 Hz and records."""

    def __init__(self, plane: MediaPlane, path: Path) -> None:
        self._plane, self._path = plane, path
        self.leg: SipLeg | None = None
        self.came = asyncio.Event()

    def take(self, one: SipCall) -> None:
        self.leg = SipLeg.incoming(one, self._plane, "127.0.0.1")
        self.leg.start_recording(str(self._path))
        self.leg.play([frames(g711.encode(tone(600, 1.5)))], 1)
        self.came.set()

    async def heard(self) -> np.ndarray:
        assert self.leg is not None
        assert await self.leg.recorded(str(self._path), WAIT_S) == ""
        return left_of(self._path)


@pytest.fixture
async def side(plane, tmp_path) -> AsyncIterator[tuple[Side, SipEndpoint]]:
    taken = Side(plane, tmp_path / "call.wav")
    endpoint = await SipEndpoint.open("127.0.0.1", 0, on_invite=taken.take)
    yield taken, endpoint
    await endpoint.close()


def _described(media: str) -> str:
    head = "\nv=0\no=sipp 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [media_ip]\nt=0 0\n"
    return f"{head}m=audio [media_port] RTP/AVP {media}\n"


@pytest.mark.interop
class TestPeers:
    async def test_sipp_sends_alaw_back(self, side, tmp_path):
        """SIPp's echo: our A-law comes back as it went."""
        taken, endpoint = side
        steps = [
            call("INVITE", body=_described("8")),
            *(recv(100, optional=True), recv(180, optional=True)),
            recv(200),
            call("ACK", to="[peer_tag_param]"),
            pause(1500),
            call("BYE", 2, to="[peer_tag_param]"),
            recv(200),
        ]
        assert await dial(tmp_path, steps, endpoint.address, "-rtp_echo") == ""
        assert abs(pitch(await taken.heard()) - 600) < 5

    @pytest.mark.parametrize("payload_type", [0, 8])
    async def test_sipp_presses_keys_as_tones(self, side, tmp_path, payload_type):
        """No telephone events were offered: the audio is listened to."""
        taken, endpoint = side
        keys = "159D*0#62"
        silence = np.zeros(800, np.int16)
        audio = g711.encode(
            np.concatenate([part for key in keys for part in (silence, tones(key, 640))] + [silence] * 5)
        )
        (tmp_path / "keys.raw").write_bytes(PCMA().encode(audio) if payload_type else audio)
        name = ("PCMU", "PCMA")[payload_type // 8] + "/8000"
        steps = [
            call("INVITE", body=_described(str(payload_type))),
            *(recv(100, optional=True), recv(180, optional=True)),
            recv(200),
            call("ACK", to="[peer_tag_param]"),
            f'<nop><action><exec rtp_stream="keys.raw,1,{payload_type},{name}"/></action></nop>',
            pause(2500),
            call("BYE", 2, to="[peer_tag_param]"),
            recv(200),
        ]
        assert await dial(tmp_path, steps, endpoint.address) == ""
        pressed = ""
        while not isinstance(event := await taken.leg.event(), LegEnded):
            pressed += event.key if isinstance(event, KeyPressed) else ""
        assert pressed == keys

    async def test_keys_by_info_and_as_tones_are_told_once(self, side, tmp_path):
        taken, endpoint = side
        silence = np.zeros(800, np.int16)
        audio = g711.encode(
            np.concatenate([silence, tones("7", 640), silence, silence, tones("8", 640), silence, silence])
        )
        (tmp_path / "keys.raw").write_bytes(audio)
        relay = "Content-Length: [len]\n\nSignal=7\nDuration=80"
        info = call("INFO", 2, "Content-Type: application/dtmf-relay", to="[peer_tag_param]")
        info = info.replace("Content-Length: [len]\n", relay)
        steps = [
            call("INVITE", body=_described("0")),
            *(recv(100, optional=True), recv(180, optional=True)),
            recv(200),
            call("ACK", to="[peer_tag_param]"),
            '<nop><action><exec rtp_stream="keys.raw,1,0,PCMU/8000"/></action></nop>',
            pause(300),
            info,
            recv(200),
            pause(1000),
            call("BYE", 3, to="[peer_tag_param]"),
            recv(200),
        ]
        assert await dial(tmp_path, steps, endpoint.address) == ""
        pressed = ""
        while not isinstance(event := await taken.leg.event(), LegEnded):
            pressed += event.key if isinstance(event, KeyPressed) else ""
        assert pressed == "7"

    async def test_who_tells_keys_by_info_is_told_keys_by_info(self, side, tmp_path):
        taken, endpoint = side
        relay = "Content-Length: [len]\n\nSignal=7\nDuration=80"
        info = call("INFO", 2, "Content-Type: application/dtmf-relay", to="[peer_tag_param]")
        got = [
            f'<recv request="INFO"><action><ereg regexp="Signal={key}" search_in="body" check_it="true"'
            f' assign_to="f{number}"/></action></recv><Reference variables="f{number}"/>'
            for number, key in enumerate("9#")
        ]
        steps = [
            call("INVITE", body=_described("0")),
            *(recv(100, optional=True), recv(180, optional=True)),
            recv(200),
            call("ACK", to="[peer_tag_param]"),
            info.replace("Content-Length: [len]\n", relay),
            recv(200),
            *(got[0], bye_answer(), got[1], bye_answer()),
            call("BYE", 3, to="[peer_tag_param]"),
            recv(200),
        ]
        dialled = asyncio.ensure_future(dial(tmp_path, steps, endpoint.address))
        await asyncio.wait_for(taken.came.wait(), WAIT_S)
        async with asyncio.timeout(WAIT_S):
            while not isinstance(await taken.leg.event(), KeyPressed):
                pass
        taken.leg.send_keys("9,x#")
        assert await dialled == ""

    @pytest.mark.parametrize(
        ("codec", "rate_hz", "channels", "modules"),
        [("PCMA", 8000, 1, ()), ("G722/16000", 16_000, 1, ("g722.so",)), ("opus/48000/2", 48_000, 2, ("opus.so",))],
    )
    async def test_baresip(self, side, tmp_path, codec, rate_hz, channels, modules):
        """It calls in this codec alone, plays 1100 Hz, hears 600, and presses a key."""
        taken, endpoint = side
        plays = write(tmp_path / "plays.wav", tone(1100, 4, rate_hz), rate_hz, channels)
        to = f"sip:100@127.0.0.1:{endpoint.address[1]}"
        told = []
        async with baresip(tmp_path / "baresip", *modules, plays=plays, account=f";audio_codecs={codec}") as peer:
            await peer.does("dial", to)
            await peer.until("CALL_ESTABLISHED")
            await peer.presses("7")
            while not isinstance(event := await taken.leg.event(), PlayEnded):
                told.append(event)
            taken.leg.hang_up()
            await peer.until("CALL_CLOSED")
        assert taken.leg._media._stream.stats().codec == codec.partition("/")[0].lower()
        assert abs(pitch(await taken.heard()) - 1100) < 5
        heard, heard_hz = of_wav(peer.heard)
        assert abs(pitch(heard, heard_hz) - 600) < 5
        assert told == [KeyPressed("7")]

    async def test_two_baresips_of_different_codecs_hear_each_other(self, plane, tmp_path):
        legs: list[SipLeg] = []

        def take(one: SipCall) -> None:
            legs.append(SipLeg.incoming(one, plane, "127.0.0.1"))
            if len(legs) == 2:
                legs[0].bridge(legs[1])

        endpoint = await SipEndpoint.open("127.0.0.1", 0, on_invite=take)
        to = f"sip:100@127.0.0.1:{endpoint.address[1]}"
        low = write(tmp_path / "low.wav", tone(500, 20, 48_000), 48_000, 2)
        high = write(tmp_path / "high.wav", tone(1300, 20))
        async with (
            baresip(tmp_path / "a", "opus.so", plays=low, account=";audio_codecs=opus/48000/2") as one,
            baresip(tmp_path / "b", plays=high, account=";audio_codecs=PCMA") as two,
        ):
            for phone in (one, two):
                await phone.does("dial", to)
                await phone.until("CALL_ESTABLISHED")
            await asyncio.sleep(2)  # the conversation
            for leg in legs:
                leg.hang_up()
            await one.until("CALL_CLOSED")
            await two.until("CALL_CLOSED")
        await endpoint.close()
        for peer, hertz in ((one, 1300), (two, 500)):
            heard, rate_hz = of_wav(peer.heard)
            assert abs(pitch(heard, rate_hz) - hertz) < 5
