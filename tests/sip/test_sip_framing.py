"""Messages on a stream: where each ends, however the bytes are cut, and what closes the connection."""

import random

import pytest
from sip_bench import invite, request

from callwright.base.errors import PeerError
from callwright.sip.framing import PINGS_MAX, Framer
from callwright.sip.message import MESSAGE_BYTES_MAX

pytestmark = pytest.mark.pure


@pytest.mark.parametrize("seed", range(20))
def test_any_cut_gives_the_same_messages(seed: int) -> None:
    rng = random.Random(seed)
    sent = [rng.choice([invite(), request("BYE"), request("OPTIONS")]).serialize() for _ in range(20)]
    between = [rng.choice([b"", b"\r\n", b"\r\n\r\n", b"\r\n\r\n\r\n"]) for _ in sent]
    stream = b"".join(gap + message for gap, message in zip(between, sent, strict=True))
    framer, got = Framer(), []
    while stream:
        size = rng.randint(1, 400)
        got += framer.feed(stream[:size])
        stream = stream[size:]
    assert got == sent


def test_a_ping_is_counted_and_a_pong_is_not() -> None:
    framer = Framer()
    assert framer.feed(b"\r\n") == [] and framer.pings == 0, "a pong, or half a ping"
    assert framer.feed(b"\r\n") == [] and framer.pings == 1
    assert framer.feed(b"\r\n\r\n\r\n\r\n") == [] and framer.pings == 3


def test_compact_and_odd_lengths_are_read() -> None:
    head = b"OPTIONS sip:a SIP/2.0\nVia: x\n"
    for line in (b"l: 2\n\n", b"CONTENT-LENGTH :  2 \n\n"):
        assert Framer().feed(head + line + b"ab") == [head + line + b"ab"]


@pytest.mark.parametrize(
    "stream",
    [
        b"OPTIONS sip:a SIP/2.0\r\nVia: x\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: x\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 99999\r\n\r\n",
        b"x" * (MESSAGE_BYTES_MAX + 1),
        b"\r\n\r\n" * (PINGS_MAX + 1),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_closes_the_connection(stream: bytes) -> None:
    with pytest.raises(PeerError):
        Framer().feed(stream)


def test_no_rubbish_is_kept_beyond_one_message() -> None:
    framer, rng = Framer(), random.Random(3)
    with pytest.raises(PeerError):
        for _ in range(10_000):
            framer.feed(rng.randbytes(100).replace(b"\n", b"x"))
