"""Offers and answers (RFC 3264): what is taken, what is refused, and noise."""

import random

import pytest

from callwright.base.errors import PeerError
from callwright.sip import sdp

pytestmark = pytest.mark.pure


def _offer(*lines: str, connection: str = "c=IN IP4 192.0.2.7") -> str:
    head = ["v=0", "o=- 1 1 IN IP4 192.0.2.7", "s=-", *([connection] if connection else []), "t=0 0"]
    return "\r\n".join([*head, *lines, ""])


def _offer_six(host: str, *lines: str) -> str:
    return _offer("m=audio 4000 RTP/AVP 0", *lines, connection=f"c=IN IP6 {host}")


OURS = sdp.Side("192.0.2.1", 30_000)
SIX = sdp.Side("2001:db8::1", 30_000)
PCMA = sdp.Format("PCMA/8000", 8)
OPUS = sdp.Format("opus/48000/2", 96, "useinbandfec=1")
MANY = sdp.Side("192.0.2.1", 30_000, (sdp.PCMU, PCMA, OPUS))
SECURE = sdp.Side("192.0.2.1", 30_000, (sdp.PCMU, PCMA, OPUS), [sdp.Crypto(1, sdp.SUITES[0], bytes(30))])
NOISY = "\r\n".join(
    (
        "m=audio 4002 RTP/SAVP 111 8",
        "a=rtpmap:111 opus/48000/2",
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{'A' * 40}|2^20",
        "a=rtcp:4003 IN IP4 192.0.2.7",
        "a=rtcp-mux",
        "b=RS:0",
        "",
    )
)
PHONE = _offer(
    "m=audio 4000 RTP/AVP 9 0 8 96",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:96 telephone-event/8000",
    "a=fmtp:96 0-16",
    "a=ptime:30",
)


def _audio(session: sdp.Session) -> sdp.Audio:
    return sdp.audio(session, OURS)


def test_a_usual_offer() -> None:
    read = _audio(sdp.parse(PHONE))
    assert read == sdp.Audio(
        "192.0.2.7", 4000, sdp.PCMU, 96, 8000, direction="sendrecv", ptime_ms=30, rtcp=("192.0.2.7", 4001)
    )


def test_our_offer_is_read_as_meant() -> None:
    read = _audio(sdp.parse(sdp.offer(OURS)))
    reports = ("192.0.2.1", 30_000)
    assert read == sdp.Audio(*reports, sdp.PCMU, 101, 8000, "sendrecv", 20, reports, rtcp_mux=True)
    assert "IN IP6 2001:db8::1" in sdp.offer(sdp.Side("2001:db8::1", 30_000))


def test_the_answer_takes_their_number_for_events() -> None:
    """RFC 3264 §6.1: the same payload type."""
    answer = sdp.answer(sdp.parse(PHONE), OURS)
    assert "m=audio 30000 RTP/AVP 0 96\r\n" in answer
    assert "a=rtpmap:96 telephone-event/8000" in answer


def test_the_answer_names_no_events_where_none_were_offered() -> None:
    answer = sdp.answer(sdp.parse(_offer("m=audio 4000 RTP/AVP 0")), OURS)
    assert "m=audio 30000 RTP/AVP 0\r\n" in answer and "telephone-event" not in answer


class TestSeveralCodecs:
    def test_an_offer_names_them_in_order_with_events_for_each_clock(self) -> None:
        """RFC 4733 §2.1: the events' clock is the codec's."""
        lines = sdp.offer(MANY).split("\r\n")
        assert lines[5] == "m=audio 30000 RTP/AVP 0 8 96 101 110"
        assert [line for line in lines if line.startswith("a=rtpmap")] == [
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:96 opus/48000/2",
            "a=rtpmap:101 telephone-event/8000",
            "a=rtpmap:110 telephone-event/48000",
        ]
        assert "a=fmtp:96 useinbandfec=1" in lines

    @pytest.mark.parametrize(
        ("formats", "rtpmaps", "answered"),
        [
            ("9 8 0", (), "8"),
            ("0 8", (), "0"),
            ("18 8 0", ("8 PCMA/8000", "0 PCMU/8000"), "8"),
            ("8", ("8 pcma/8000/1",), "8"),
            ("111 0 97", ("111 OPUS/48000/2", "97 telephone-event/48000"), "111 97"),
            ("111 0 97 98", ("111 opus/48000/2", "97 telephone-event/8000", "98 telephone-event/48000"), "111 98"),
            ("111 97", ("111 opus/48000/2", "97 telephone-event/8000"), "111 97"),
            ("8 97", ("97 telephone-event/48000",), "8"),
            ("0 13 101", ("101 telephone-event/8000",), "0 101"),
            ("120", ("120 PCMA/8000",), "120"),
            ("8 0", ("8 G729/8000",), "0"),
        ],
    )
    def test_the_first_of_theirs_that_we_speak_is_taken(
        self, formats: str, rtpmaps: tuple[str, ...], answered: str
    ) -> None:
        offered = _offer(f"m=audio 4000 RTP/AVP {formats}", *(f"a=rtpmap:{one}" for one in rtpmaps))
        assert f"m=audio 30000 RTP/AVP {answered}\r\n" in sdp.answer(sdp.parse(offered), MANY)

    @pytest.mark.parametrize(
        ("formats", "rtpmaps", "answered"),
        [
            ("0 8", (), "8"),
            ("0 9", ("9 G722/8000",), "0"),
            ("0 8 111", ("111 opus/48000/2",), "8"),
            ("0 111", ("111 opus/48000/2",), "111"),
            ("18 8 96", ("96 PCMA/8000",), "8"),
        ],
    )
    def test_where_we_choose_it_is_the_first_of_ours(
        self, formats: str, rtpmaps: tuple[str, ...], answered: str
    ) -> None:
        ours = sdp.Side("192.0.2.1", 30_000, (PCMA, OPUS, sdp.PCMU), chooses=True)
        offered = sdp.parse(_offer(f"m=audio 4000 RTP/AVP {formats}", *(f"a=rtpmap:{one}" for one in rtpmaps)))
        text, taken = sdp.answered(offered, ours)
        assert f"m=audio 30000 RTP/AVP {answered}\r\n" in text and taken.format.payload_type == int(answered)
        # What they answer to an offer of ours is theirs to choose.
        assert sdp.audio(offered, ours).format.payload_type == int(formats.split()[formats.startswith("18")])

    def test_what_is_sent_goes_under_their_number(self) -> None:
        described = _offer(
            "m=audio 4000 RTP/AVP 102 97", "a=rtpmap:102 opus/48000/2", "a=rtpmap:97 telephone-event/48000"
        )
        read = sdp.audio(sdp.parse(described), MANY)
        assert (read.format.encoding, read.format.payload_type) == ("opus/48000/2", 102)
        assert (read.event_payload_type, read.event_rate_hz) == (97, 48_000)

    def test_the_first_stream_that_fits_is_taken(self) -> None:
        offered = _offer("m=audio 4000 RTP/AVP 18", "m=audio 4002 RTP/AVP 8", "m=audio 4004 RTP/AVP 0")
        lines = sdp.answer(sdp.parse(offered), MANY).split("\r\n")
        assert [line for line in lines if line.startswith("m=")] == [
            "m=audio 0 RTP/AVP 18",
            "m=audio 30000 RTP/AVP 8",
            "m=audio 0 RTP/AVP 0",
        ]

    def test_a_refusal_names_what_we_speak(self) -> None:
        with pytest.raises(PeerError, match=r"PCMU, PCMA, opus"):
            sdp.answer(sdp.parse(_offer("m=audio 4000 RTP/AVP 18")), MANY)

    def test_a_number_that_no_packet_can_have(self) -> None:
        with pytest.raises(PeerError, match="payload type"):
            sdp.answer(sdp.parse(_offer("m=audio 4000 RTP/AVP 200", "a=rtpmap:200 PCMA/8000")), MANY)


def test_every_other_stream_is_refused_in_its_place() -> None:
    offered = _offer("m=video 5000 RTP/AVP 96", "m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/AVP 0")
    lines = sdp.answer(sdp.parse(offered), OURS).split("\r\n")
    assert [line for line in lines if line.startswith("m=")] == [
        "m=video 0 RTP/AVP 96",
        "m=audio 30000 RTP/AVP 0",
        "m=audio 0 RTP/AVP 0",
    ]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("sendrecv", "sendrecv"), ("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")],
)
def test_a_direction_is_mirrored(theirs: str, ours: str) -> None:
    offered = sdp.parse(_offer("m=audio 4000 RTP/AVP 0", f"a={theirs}"))
    assert _audio(offered).direction == theirs
    assert f"a={ours}\r\n" in sdp.answer(offered, OURS)


def test_a_direction_of_the_session_holds_unless_the_stream_has_its_own() -> None:
    assert _audio(sdp.parse(_offer("a=inactive", "m=audio 4000 RTP/AVP 0"))).direction == "inactive"
    own = _offer("a=inactive", "m=audio 4000 RTP/AVP 0", "a=sendonly")
    assert _audio(sdp.parse(own)).direction == "sendonly"


def test_the_old_way_to_hold() -> None:
    held = _offer("m=audio 4000 RTP/AVP 0", connection="c=IN IP4 0.0.0.0")
    assert _audio(sdp.parse(held)).direction == "sendonly"


def test_the_connection_of_the_stream_is_preferred() -> None:
    read = _audio(sdp.parse(_offer("m=audio 4000 RTP/AVP 0", "c=IN IP4 198.51.100.3")))
    assert read.host == "198.51.100.3"


class TestFamilies:
    """IPv6 and IPv4, each with its own."""

    def test_an_offer_of_ipv6_is_answered_with_it(self) -> None:
        answer, audio = sdp.answered(sdp.parse(_offer_six("2001:db8::2", "a=rtcp:4005 IN IP6 2001:db8::3")), SIX)
        assert "\r\nc=IN IP6 2001:db8::1\r\n" in answer and "IP4" not in answer
        assert (audio.host, audio.port, audio.rtcp) == ("2001:db8::2", 4000, ("2001:db8::3", 4005))

    @pytest.mark.parametrize(
        ("ours", "theirs"), [(OURS, "IP6 2001:db8::2"), (SIX, "IP4 192.0.2.7"), (SIX, "IP6 ::ffff:192.0.2.7")]
    )
    def test_an_address_of_the_other_family_is_refused(self, ours: sdp.Side, theirs: str) -> None:
        offered = sdp.parse(_offer("m=audio 4000 RTP/AVP 0", connection=f"c=IN {theirs}"))
        with pytest.raises(PeerError, match="cannot send to"):
            sdp.answered(offered, ours)
        with pytest.raises(PeerError, match="cannot send to"):
            sdp.audio(offered, ours)

    def test_it_is_the_family_of_the_stream_that_counts(self) -> None:
        described = sdp.parse(_offer("m=audio 4000 RTP/AVP 0", "c=IN IP6 2001:db8::2"))
        assert sdp.audio(described, SIX).host == "2001:db8::2"

    def test_an_ipv4_address_that_is_written_as_ipv6_is_ipv4(self) -> None:
        audio = _audio(sdp.parse(_offer_six("::FFFF:192.0.2.7")))
        assert (audio.host, audio.rtcp) == ("192.0.2.7", ("192.0.2.7", 4001))

    def test_an_address_has_one_form(self) -> None:
        """What comes is compared with it."""
        assert sdp.audio(sdp.parse(_offer_six("2001:0DB8:0:0:0:0:0:2")), SIX).host == "2001:db8::2"

    @pytest.mark.parametrize("host", ["fe80::1", "fe80::1%eth0", "febf::1"])
    def test_a_link_local_address_is_refused(self, host: str) -> None:
        """It is on one of our networks, and no description says on which."""
        with pytest.raises(PeerError):
            sdp.audio(sdp.parse(_offer_six(host)), SIX)

    @pytest.mark.parametrize("ours", ["192.0.2.1", "2001:db8::1"])
    @pytest.mark.parametrize("nowhere", ["IP6 ::", "IP6 0:0:0:0:0:0:0:0", "IP4 0.0.0.0"])
    def test_the_unspecified_address_holds_whatever_its_family(self, ours: str, nowhere: str) -> None:
        held = sdp.parse(_offer("m=audio 4000 RTP/AVP 0", connection=f"c=IN {nowhere}"))
        answer, audio = sdp.answered(held, sdp.Side(ours, 30_000))
        assert (audio.direction, audio.rtcp) == ("sendonly", None)
        assert f" {ours}\r\n" in answer

    @pytest.mark.parametrize("named", ["IN IP4 192.0.2.7", "IN IP6 ::"])
    def test_reports_to_the_other_family_go_nowhere(self, named: str) -> None:
        assert sdp.audio(sdp.parse(_offer_six("2001:db8::2", f"a=rtcp:4005 {named}")), SIX).rtcp is None


def test_a_multicast_ttl_is_cut_off() -> None:
    assert (
        _audio(sdp.parse(_offer("m=audio 4000 RTP/AVP 0", connection="c=IN IP4 224.2.36.42/127"))).host == "224.2.36.42"
    )


@pytest.mark.parametrize(
    "refused",
    [
        "",
        "hello",
        "v=1\r\n",
        _offer(),
        _offer("m=audio 0 RTP/AVP 0"),
        _offer("m=audio 4000 RTP/AVP 8"),
        _offer("m=audio 4000 RTP/SAVP 0"),
        _offer("m=video 4000 RTP/AVP 0"),
        _offer("m=audio"),
        _offer("m=audio 65536 RTP/AVP 0"),
        _offer("m=audio -1 RTP/AVP 0"),
        _offer("m=audio x RTP/AVP 0"),
        _offer("m=audio 4000 RTP/AVP 0", connection=""),
        _offer("m=audio 4000 RTP/AVP 0", connection="c=IN IP4 phone.example.com"),
        _offer("m=audio 4000 RTP/AVP 0", connection="c=IN IP4"),
        _offer("m=audio 4000 RTP/AVP 0", connection="c=ATM X 192.0.2.7"),
        _offer("m=audio 4000 RTP/AVP 0", "a=ptime:soon"),
        _offer("m=audio 4000 RTP/AVP 0 999", "a=rtpmap:999 telephone-event/8000"),
        "v=0\r\n" + "a=x\r\n" * 9_000,
    ],
)
def test_what_holds_no_call(refused: str) -> None:
    with pytest.raises(PeerError):
        sdp.answer(sdp.parse(refused), OURS)


@pytest.mark.parametrize("seed", range(4))
def test_noise_raises_nothing_else(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(2000):
        text = list(PHONE + NOISY)
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(text))
            text[at : at + rng.choice([0, 1, 5])] = rng.choice(
                ["\r\n", "=", ":", "/", " ", "9" * 20, "a=rtpmap:", "\0", "٣"]
            )
        try:
            answer = sdp.answer(sdp.parse("".join(text)), SECURE)
        except PeerError:
            continue
        assert sdp.audio(sdp.parse(answer), SECURE).port == 30_000
