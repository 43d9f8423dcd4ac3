"""Offers and answers (RFC 3264): what is taken, what is refused, and noise."""

import random

import pytest

from callwright.base.errors import PeerError
from callwright.sip import sdp

pytestmark = pytest.mark.pure


def _offer(*lines: str, connection: str = "c=IN IP4 192.0.2.7") -> str:
    head = ["v=0", "o=- 1 1 IN IP4 192.0.2.7", "s=-", *([connection] if connection else []), "t=0 0"]
    return "\r\n".join([*head, *lines, ""])


PHONE = _offer(
    "m=audio 4000 RTP/AVP 9 0 8 96",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:96 telephone-event/8000",
    "a=fmtp:96 0-16",
    "a=ptime:30",
)


def test_a_usual_offer() -> None:
    read = sdp.audio(sdp.parse(PHONE))
    assert read == sdp.Audio("192.0.2.7", 4000, event_payload_type=96, direction="sendrecv", ptime_ms=30)


def test_our_offer_is_read_as_meant() -> None:
    assert sdp.audio(sdp.parse(sdp.offer("192.0.2.1", 30_000))) == sdp.Audio("192.0.2.1", 30_000, 101, "sendrecv", 20)
    assert "IN IP6 2001:db8::1" in sdp.offer("2001:db8::1", 30_000)


def test_the_answer_takes_their_number_for_events() -> None:
    """RFC 3264 §6.1: the same payload type."""
    answer = sdp.answer(sdp.parse(PHONE), "192.0.2.1", 30_000)
    assert "m=audio 30000 RTP/AVP 0 96\r\n" in answer
    assert "a=rtpmap:96 telephone-event/8000" in answer


def test_the_answer_names_no_events_where_none_were_offered() -> None:
    answer = sdp.answer(sdp.parse(_offer("m=audio 4000 RTP/AVP 0")), "192.0.2.1", 30_000)
    assert "m=audio 30000 RTP/AVP 0\r\n" in answer and "telephone-event" not in answer


def test_every_other_stream_is_refused_in_its_place() -> None:
    offered = _offer("m=video 5000 RTP/AVP 96", "m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/AVP 0")
    lines = sdp.answer(sdp.parse(offered), "192.0.2.1", 30_000).split("\r\n")
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
    assert sdp.audio(offered).direction == theirs
    assert f"a={ours}\r\n" in sdp.answer(offered, "192.0.2.1", 30_000)


def test_a_direction_of_the_session_holds_unless_the_stream_has_its_own() -> None:
    assert sdp.audio(sdp.parse(_offer("a=inactive", "m=audio 4000 RTP/AVP 0"))).direction == "inactive"
    own = _offer("a=inactive", "m=audio 4000 RTP/AVP 0", "a=sendonly")
    assert sdp.audio(sdp.parse(own)).direction == "sendonly"


def test_the_old_way_to_hold() -> None:
    held = _offer("m=audio 4000 RTP/AVP 0", connection="c=IN IP4 0.0.0.0")
    assert sdp.audio(sdp.parse(held)).direction == "sendonly"


def test_the_connection_of_the_stream_is_preferred() -> None:
    read = sdp.audio(sdp.parse(_offer("m=audio 4000 RTP/AVP 0", "c=IN IP4 198.51.100.3")))
    assert read.host == "198.51.100.3"
    assert sdp.audio(sdp.parse(_offer("m=audio 4000 RTP/AVP 0", "c=IN IP6 2001:db8::2"))).host == "2001:db8::2"


def test_a_multicast_ttl_is_cut_off() -> None:
    assert (
        sdp.audio(sdp.parse(_offer("m=audio 4000 RTP/AVP 0", connection="c=IN IP4 224.2.36.42/127"))).host
        == "224.2.36.42"
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
        sdp.answer(sdp.parse(refused), "192.0.2.1", 30_000)


@pytest.mark.parametrize("seed", range(4))
def test_noise_raises_nothing_else(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(2000):
        text = list(PHONE)
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(text))
            text[at : at + rng.choice([0, 1, 5])] = rng.choice(
                ["\r\n", "=", ":", "/", " ", "9" * 20, "a=rtpmap:", "\0", "٣"]
            )
        try:
            answer = sdp.answer(sdp.parse("".join(text)), "192.0.2.1", 30_000)
        except PeerError:
            continue
        assert sdp.audio(sdp.parse(answer)).port == 30_000
