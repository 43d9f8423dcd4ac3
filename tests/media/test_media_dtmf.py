import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callwright.media.dtmf import KEYS, KeyReceiver, key_packets

pytestmark = pytest.mark.pure


def event(key, duration, *, end=False):
    return bytes((KEYS.index(key), 10 | (0x80 if end else 0))) + duration.to_bytes(2, "big")


def wire(keys, *, at=1000, sequence=1):
    """Each press's packets as (payload, sequence, timestamp, marker), as our own sender makes them."""
    presses, clock = [], at
    for packet in key_packets(keys):
        if packet is not None:
            if packet.marker:
                presses.append([])
            presses[-1].append((packet.payload, sequence & 0xFFFF, clock - packet.age & 0xFFFFFFFF, packet.marker))
            sequence += 1
        clock += 160
    return presses


def heard(packets, receiver=None):
    receiver = receiver or KeyReceiver()
    told = (receiver.receive(p, sequence=s, timestamp=t, marker=m) for p, s, t, m in packets)
    return "".join(key for key in told if key)


def flat(presses):
    return [packet for press in presses for packet in press]


def test_each_key_is_told_at_its_first_packet():
    receiver = KeyReceiver()
    first, *others = wire("5")[0]
    assert heard([first], receiver) == "5"
    assert heard(others, receiver) == ""


def test_all_sixteen_keys():
    assert heard(flat(wire("0123456789*#ABCD"))) == "0123456789*#ABCD"


def test_the_same_key_twice_is_two_keys():
    assert heard(flat(wire("11"))) == "11"


def test_end_packets_all_lost():
    assert heard([p for press in wire("1122") for p in press if not p[0][1] & 0x80]) == "1122"


def test_only_end_packets_arrive():
    assert heard([p for press in wire("1122") for p in press if p[0][1] & 0x80]) == "1122"


@settings(max_examples=300)
@given(st.data())
def test_any_loss_duplication_and_reordering_tells_each_key_once(data):
    keys = data.draw(st.text(KEYS, min_size=1, max_size=12))
    start = data.draw(st.integers(0, 0xFFFFFFFF))
    packets = []
    for press in wire(keys, at=start, sequence=data.draw(st.integers(0, 0xFFFF))):
        kept = data.draw(st.lists(st.sampled_from(press), min_size=1, max_size=14))
        packets += sorted(kept, key=press.index) if data.draw(st.booleans()) else kept
    assert heard(packets) == keys


@given(st.text("12", min_size=2, max_size=6), st.data())
def test_stragglers_of_the_key_before_tell_nothing_new(keys, data):
    presses = wire(keys)
    packets = []
    for before, press in zip([[], *presses], presses, strict=False):
        packets += press
        packets += data.draw(st.lists(st.sampled_from(before), max_size=3)) if before else []
    assert heard(packets) == keys


def test_a_key_held_longer_than_a_segment_is_one_key():
    """RFC 4733 §2.5.1.3: the next segment has a timestamp of its own, no marker, and no END came before it."""
    packets = [(event("7", d), n, 5000, n == 0) for n, d in enumerate(range(160, 0xFFFF, 160))]
    packets += [(event("7", d), 500 + n, 5000 + 0xFFFF, False) for n, d in enumerate(range(160, 1600, 160))]
    packets += [(event("7", 1600, end=True), 600, 5000 + 0xFFFF, False)]
    assert heard(packets) == "7"


def test_a_timestamp_that_moves_on_within_a_press_is_one_key():
    packets = [(event("3", 160 * n, end=n == 8), n, 9000 + 160 * n, n == 1) for n in range(1, 9)]
    assert heard(packets) == "3"


def test_a_timestamp_that_stands_still_is_two_keys():
    press = [(event("4", 160), True), (event("4", 320), False), (event("4", 480, end=True), False)]
    packets = [(payload, n, 777, marker) for n, (payload, marker) in enumerate(press + press)]
    assert heard(packets) == "44"
    repeated = [packets[0], *packets]  # a duplicate before the END stays one
    assert heard(repeated) == "44"
    late = [*packets[:3], packets[1], packets[2]]
    assert heard(late) == "4"


def test_malformed_and_unknown_events_tell_nothing():
    receiver = KeyReceiver()
    for payload in (b"", b"\x01", b"\x01\x0a\x00", bytes((16, 10, 0, 160)), bytes((255, 255, 255, 255))):
        assert receiver.receive(payload, sequence=1, timestamp=1, marker=True) is None


def test_a_press_is_sent_as_rfc_4733_has_it():
    packets = list(key_packets("9"))
    sent = [packet for packet in packets if packet is not None]
    assert [p.marker for p in sent] == [True] + [False] * 9
    assert [int.from_bytes(p.payload[2:], "big") for p in sent] == [160 * n for n in range(1, 9)] + [1280, 1280]
    assert [bool(p.payload[1] & 0x80) for p in sent] == [False] * 7 + [True] * 3
    assert [p.age for p in sent] == [160 * n for n in range(10)]
    assert {p.payload[0] for p in sent} == {9}
    assert len(packets) == 12, "160 ms, then 80 ms until the next"


def test_pauses_and_other_characters():
    assert list(key_packets(",")) == [None] * 50
    assert list(key_packets("p")) == [None] * 50
    assert list(key_packets("-( )")) == []
    assert [p.payload[0] for p in key_packets("d") if p and p.marker] == [15]
