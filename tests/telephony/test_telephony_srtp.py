"""SRTP: keys in descriptions, packets that are forged or come again, and baresip as the far end."""

import asyncio
import base64
import ssl

import pytest
from baresip import baresip
from hearing import left_of, of_wav, pitch, tone, write
from rtp_peer import HOST, Call
from tls import Authority

from callwright.base.errors import PeerError
from callwright.base.trust import trusting
from callwright.media import codecs, g711
from callwright.media.frames import frames
from callwright.media.rtp import Packet
from callwright.ports.leg import KeyPressed, LegEnded, PlayEnded
from callwright.sip import sdp
from callwright.sip.call import SipCall
from callwright.telephony import media_secure
from callwright.telephony.leg import SipLeg
from callwright.telephony.media_coding import Agreed
from callwright.telephony.media_secure import Keys
from callwright.telephony.negotiation import Negotiation
from callwright.telephony.plane import Closed
from callwright.telephony.sip_endpoint import SipEndpoint

SUITES = sdp.SUITES
ONE, TWO = bytes(range(30)), bytes(range(100, 130))
INLINE = base64.b64encode(ONE).decode()
OURS = sdp.Side("192.0.2.1", 30_000, crypto=[sdp.Crypto(n, suite, TWO) for n, suite in enumerate(SUITES, 1)])


def _offer(*crypto: str, protocol: str = "RTP/SAVP") -> sdp.Session:
    lines = ["v=0", "c=IN IP4 192.0.2.7", f"m=audio 4000 {protocol} 0", *(f"a=crypto:{one}" for one in crypto), ""]
    return sdp.parse("\r\n".join(lines))


@pytest.mark.pure
class TestDescriptions:
    def test_an_offer_of_srtp(self):
        text = sdp.offer(OURS, secure=True)
        assert "m=audio 30000 RTP/SAVP 0 101\r\n" in text
        assert [line.partition(" ")[0] for line in text.split("\r\n") if "crypto" in line] == [
            "a=crypto:1",
            "a=crypto:2",
        ]
        assert "SAVP" not in sdp.offer(OURS) and "crypto" not in sdp.offer(OURS)

    @pytest.mark.parametrize(
        ("crypto", "answered"),
        [
            ((f"1 {SUITES[0]} inline:{INLINE}",), f"a=crypto:1 {SUITES[0]} "),
            ((f"7 {SUITES[1]} inline:{INLINE}|2^31",), f"a=crypto:7 {SUITES[1]} "),
            (("1 AEAD_AES_256_GCM inline:AAAA", f"2 {SUITES[1]} inline:{INLINE}"), f"a=crypto:2 {SUITES[1]} "),
            ((f"1 {SUITES[0]} inline:{INLINE}|2^20|1:4", f"3 {SUITES[0]} inline:{INLINE}"), f"a=crypto:3 {SUITES[0]} "),
        ],
    )
    def test_the_first_usable_key_is_answered_with_ours(self, crypto, answered):
        offered = _offer(*crypto)
        assert answered + "inline:" + base64.b64encode(TWO).decode() in sdp.answer(offered, OURS)
        read = sdp.audio(offered, OURS)
        assert read.crypto is not None and read.crypto.key == ONE

    @pytest.mark.parametrize(
        "crypto",
        [
            (),
            ("1",),
            (f"1 {SUITES[0]} inline:AAAA",),
            (f"1 {SUITES[0]} inline:{'!' * 40}",),
            (f"1 {SUITES[0]} inline:{INLINE} UNENCRYPTED_SRTP",),
            (f"1 {SUITES[0]} inline:{INLINE};inline:{INLINE}",),
            (f"x {SUITES[0]} inline:{INLINE}",),
        ],
    )
    def test_no_usable_key(self, crypto):
        with pytest.raises(PeerError):
            sdp.answer(_offer(*crypto), OURS)

    def test_what_is_missing_is_named(self):
        with pytest.raises(PeerError, match=r"callwright\[srtp\]"):
            sdp.answer(_offer(f"1 {SUITES[0]} inline:{INLINE}"), sdp.Side("192.0.2.1", 30_000))

    def test_keys_beside_plain_rtp_mean_nothing(self):
        read = sdp.audio(_offer(f"1 {SUITES[0]} inline:{INLINE}", protocol="RTP/AVP"), OURS)
        assert read.crypto is None

    def test_keys_are_shown_nowhere(self):
        shown = (
            f"{sdp.Crypto(1, SUITES[0], ONE)} {Keys(SUITES[0], ONE, TWO)} {_offer(f'1 {SUITES[0]} inline:{INLINE}')}"
        )
        assert INLINE not in shown and repr(ONE) not in shown and repr(TWO) not in shown


@pytest.mark.pure
class TestNegotiation:
    def _ours(self, *, secure: bool) -> Negotiation:
        made = Negotiation("192.0.2.1", 30_000, codecs.named("pcmu"))
        made.offer(secure=secure)
        return made

    def test_what_was_offered_sealed_is_not_answered_in_the_clear(self):
        with pytest.raises(PeerError, match="RTP was answered"):
            self._ours(secure=True).answers(_offer(protocol="RTP/AVP"))

    def test_it_stays_sealed(self):
        ours = self._ours(secure=True)
        _, agreed = ours.answers(_offer(f"1 {SUITES[0]} inline:{INLINE}"))
        assert agreed.secured is not None and agreed.secured.theirs == ONE
        with pytest.raises(PeerError, match="RTP is offered"):
            ours.answer(_offer(protocol="RTP/AVP"))

    def test_a_hold_is_told_with_the_same_keys(self):
        ours = self._ours(secure=False)
        said = ours.answer(_offer(f"7 {SUITES[1]} inline:{INLINE}"))
        assert ours.leave("sendonly")
        assert ours.changed().replace("sendonly", "sendrecv").split("m=")[1] == said.split("m=")[1]
        before = ours.answered()[1].secured
        _, agreed = ours.answers(_offer(f"7 {SUITES[1]} inline:{INLINE}"), changed=True)
        assert agreed.secured == before is not None

    def test_a_caller_may_change_its_mind(self):
        ours = self._ours(secure=False)
        key = f"1 {SUITES[1]} inline:{INLINE}"
        for crypto, protocol in (((key,), "RTP/SAVP"), ((), "RTP/AVP"), ((key,), "RTP/SAVP")):
            ours.answer(_offer(*crypto, protocol=protocol))
            _, agreed = ours.answered()
            assert (agreed.secured is not None) == bool(crypto)


@pytest.mark.wire
class TestPackets:
    @pytest.mark.parametrize("suite", SUITES)
    async def test_what_is_forged_or_comes_again_is_not_heard(self, plane, suite):
        made = Call(plane, connect=False)
        made.connect(Agreed(101, secured=Keys(suite, ONE, TWO)))
        far = media_secure.Secured(made.peer.sock, Keys(suite, TWO, ONE))
        to = (HOST, made.session.port)
        for number in range(3):
            far.sendto(Packet(101, True, number, 1000 + 3200 * number, 77, bytes((number, 0x8A, 5, 0))).pack(), to)
        # As they are, in the clear; and the last one of the wire once more.
        made.peer.sock.sendto(Packet(101, True, 9, 99_000, 77, bytes((9, 0x8A, 5, 0))).pack(), to)
        sealed = far._out.protect(Packet(101, True, 10, 110_000, 77, bytes((4, 0x8A, 5, 0))).pack())
        made.peer.sock.sendto(sealed, to)
        made.peer.sock.sendto(sealed, to)
        made.peer.sock.sendto(sealed[:-1] + bytes([sealed[-1] ^ 1]), to)
        far.sendto(Packet(101, True, 11, 120_000, 77, bytes((5, 0x8A, 5, 0))).pack(), to)
        await made.told.event(KeyPressed, 5)
        assert [event.key for event in made.told.of(KeyPressed)] == list("01245")
        made.session.close()
        assert (await made.told.event(Closed)).stats.unauthentic == 3
        made.peer.close()

    async def test_audio_goes_out_sealed(self, plane):
        made = Call(plane, connect=False)
        made.connect(Agreed(101, secured=Keys(SUITES[0], ONE, TWO)))
        made.session.play([frames(bytes(range(160)) * 5)], 1)
        sent = await made.peer.got(5)
        assert {len(packet.payload) for packet in sent} == {170}
        assert bytes(range(160)) not in {packet.payload[:160] for packet in sent}
        made.peer.close()

    async def test_a_description_that_comes_again_changes_no_key(self, plane):
        """The count of what was sent goes on: the far end would refuse what it takes for a replay."""
        made = Call(plane, connect=False)
        agreed = Agreed(101, secured=Keys(SUITES[0], ONE, TWO))
        made.connect(agreed)
        made.session.play([frames(bytes(160) * 100)], 1)
        await made.peer.got(5)
        secured = made.session._stream._secured
        out = secured._out
        made.connect(agreed)
        await made.peer.got(10)
        assert made.session._stream._secured is secured and secured._out is out
        made.peer.close()


@pytest.mark.wire
async def test_our_offer_over_tls_is_srtp(plane, tmp_path):
    """Between two endpoints of ours: offered over TLS alone, answered, and spoken; keys are struck out of what is kept."""
    authority = Authority(tmp_path)
    shown = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    shown.load_cert_chain(*authority.issue("server"))
    trusted = trusting(authority.ca.read_text())
    offers: list[str] = []
    legs: list[SipLeg] = []

    def take(one: SipCall) -> None:
        offers.append(one.offer)
        legs.append(SipLeg.incoming(one, plane, HOST))

    there = await SipEndpoint.open(HOST, 0, on_invite=take, certificate=shown, tls=(HOST, 0))
    here = await SipEndpoint.open(HOST, 0, on_invite=lambda _: None, trusted=trusted)
    for transport in ("tls", "udp"):
        leg = SipLeg.outgoing(
            here, plane, HOST, target="sip:100@localhost", call_id=transport, caller="200",
            to=there.addresses[transport], transport=transport, srtp=transport == "tls",
        )  # fmt: skip
        assert await leg.answered(10) is None
        leg.send_keys("7")
        async with asyncio.timeout(10):
            assert await legs[-1].event() == KeyPressed("7")
        leg.hang_up()
        async with asyncio.timeout(10):
            assert isinstance(await legs[-1].event(), LegEnded)
    assert "RTP/SAVP" in offers[0] and "RTP/AVP" in offers[1] and "crypto" not in offers[1]
    with pytest.raises(PeerError, match="needs TLS"):
        SipLeg.outgoing(
            here,
            plane,
            HOST,
            target="sip:100@localhost",
            call_id="x",
            caller="200",
            to=there.addresses["udp"],
            srtp=True,
        )
    await here.close()
    await there.close()


@pytest.mark.interop
@pytest.mark.parametrize("mux", [False, True])
async def test_baresip_speaks_srtp_over_tls(plane, tmp_path, mux):
    authority = Authority(tmp_path)
    shown = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    shown.load_cert_chain(*authority.issue("server"))
    path = tmp_path / "call.wav"
    legs: list[SipLeg] = []

    def take(one: SipCall) -> None:
        assert "RTP/SAVP" in one.offer
        legs.append(SipLeg.incoming(one, plane, HOST))
        legs[0].start_recording(str(path))
        legs[0].play([frames(g711.encode(tone(600, 4)))], 1)

    there = await SipEndpoint.open(HOST, 0, on_invite=take, certificate=shown, tls=(HOST, 0))
    plays = write(tmp_path / "plays.wav", tone(1100, 10))
    to = f"sip:100@{HOST}:{there.addresses['tls'][1]};transport=tls"
    config = f"rtcp_mux {'yes' if mux else 'no'}\n"
    secure = {"transport": "tls", "ca": authority.ca, "account": ";mediaenc=srtp-mand"}
    async with baresip(tmp_path / "baresip", "srtp.so", plays=plays, config=config, **secure) as peer:
        await peer.does("dial", to)
        await peer.until("CALL_ESTABLISHED")
        while not isinstance(await legs[0].event(), PlayEnded):
            pass
        stream = legs[0]._media._stream
        async with asyncio.timeout(15):
            while not stream.stats().reports:  # noqa: ASYNC110 - the plane has no event for it
                await asyncio.sleep(0.1)
        legs[0].hang_up()
        await peer.until("CALL_CLOSED")
    assert await legs[0].recorded(str(path), 10) == ""
    stats = await legs[0].closed(5)
    # On the shared port baresip's RTCP begins with a PING in the clear.
    assert (stats.unauthentic, stats.lost, stats.far_lost) == (int(mux), 0, 0)
    assert stats.srtp == SUITES[0]
    assert abs(pitch(left_of(path)) - 1100) < 5
    heard, rate_hz = of_wav(peer.heard)
    assert abs(pitch(heard, rate_hz) - 600) < 5
    await there.close()
