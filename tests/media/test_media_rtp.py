import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.media.rtp import Packet, Reception, parse

pytestmark = pytest.mark.pure

PACKETS = st.builds(
    Packet,
    payload_type=st.integers(0, 63),
    marker=st.booleans(),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=400),
)


@given(PACKETS)
def test_what_is_packed_is_parsed(packet):
    assert parse(packet.pack()) == packet
    assert parse(memoryview(packet.pack())) == packet


def test_the_header_is_laid_out_as_rfc_3550_has_it():
    packet = Packet(101, True, 0x1234, 0xA1B2C3D4, 0x01020304, b"xy")
    assert packet.pack() == bytes.fromhex("80 e5 1234 a1b2c3d4 01020304") + b"xy"


def test_contributing_sources_extension_and_padding_are_no_payload():
    data = (
        bytes.fromhex("b2 00 0001 000000a0 00000007") + bytes(8) + bytes.fromhex("bede0001 00000000") + b"audio\0\0\3"
    )
    assert parse(data) == Packet(0, False, 1, 160, 7, b"audio")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80",
        bytes(11),
        bytes(12),  # version 0
        bytes.fromhex("0001002c2112a442") + bytes(20),  # STUN
        bytes.fromhex("80c80006") + bytes(24),  # RTCP sender report
        bytes.fromhex("8f 00 0001 00000000 00000000"),  # 15 contributing sources that are not there
        bytes.fromhex("90 00 0001 00000000 00000000"),  # an extension that is not there
        bytes.fromhex("90 00 0001 00000000 00000000 0000ffff"),  # … or is longer than the packet
        bytes.fromhex("a0 00 0001 00000000 00000000 ff"),  # more padding than payload
    ],
)
def test_what_is_not_rtp_is_refused(data):
    assert parse(data) is None


@given(st.binary(max_size=64))
def test_no_datagram_raises(data):
    parse(data)


def counted(sequences, ssrc=1):
    reception = Reception()
    for place, sequence in enumerate(sequences):
        reception.count(sequence & 0xFFFF, place * 160, ssrc, place * 160)
    return reception


@given(st.integers(0, 0xFFFF), st.integers(1, 300), st.data())
def test_loss_is_what_is_missing_between_first_and_last(first, length, data):
    missing = data.draw(st.sets(st.integers(1, max(1, length - 2)), max_size=50)) if length > 2 else set()
    reception = counted(first + place for place in range(length) if place not in missing)
    assert (reception.received, reception.lost) == (length - len(missing), len(missing))


@given(st.integers(0, 0xFFFF), st.permutations(range(1, 20)))
def test_packets_out_of_order_are_not_lost(first, order):
    assert counted([first, *(first + place for place in order)]).lost == 0


def test_a_sender_that_starts_again_is_no_loss():
    reception = counted([10, 11, 12, 40000, 40001])
    assert (reception.received, reception.lost) == (5, 0)
    reception.count(7, 0, 99, 800)
    reception.count(9, 320, 99, 1120)
    assert (reception.received, reception.lost) == (7, 1)


def test_keys_are_not_late():
    """All packets of a key have the timestamp of its beginning."""
    reception = counted(range(100))
    for place in range(100, 110):
        reception.count_untimed(place, 1, place * 160)
    for place in range(110, 200):
        reception.count(place, place * 160, 1, place * 160)
    assert (reception.late_max, reception.lost, reception.received) == (0, 0, 200)


def test_an_even_stream_has_no_jitter_and_an_uneven_one_has():
    even, uneven = Reception(), Reception()
    for place in range(500):
        even.time(place * 160, place * 160 + 1000)
        uneven.time(place * 160, place * 160 + (80 if place % 2 else 0))
    assert even.jitter == 0
    assert uneven.jitter == pytest.approx(80, rel=0.01)  # every transit differs from the last by 80


def test_a_pause_and_a_clock_that_jumps_are_no_jitter():
    reception = Reception()
    reception.time(0, 0)
    reception.pause()
    reception.time(160, 5000)
    reception.time(320, 5160 + 8000)
    assert reception.jitter == 0
