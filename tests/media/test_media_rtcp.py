"""RTCP packets: written and read again, and noise."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.media import rtcp

pytestmark = pytest.mark.pure

BLOCK = rtcp.Block(77, 12, 3, 70_000, 40, 0x12345678, 65_536)
SENT = rtcp.Sent(1_700_000_000.25, 160, 9, 1440)


def test_a_sender_report_byte_by_byte():
    """RFC 3550 §6.4.1 and §6.5."""
    data = rtcp.pack(0x01020304, "ab", SENT, BLOCK)
    assert data[:8] == bytes.fromhex("81c8000c01020304")
    assert data[8:28] == bytes.fromhex("e8fe6f80 40000000 000000a0 00000009 000005a0")
    assert data[28:52] == bytes.fromhex("0000004d 0c000003 00011170 00000028 12345678 00010000")
    assert data[52:] == bytes.fromhex("81ca0003 01020304 01026162 00000000")


def test_reports_are_read_as_written():
    assert rtcp.parse(rtcp.pack(5, "name", SENT, BLOCK)) == rtcp.Report(5, rtcp.middle(SENT.at), (BLOCK,))
    assert rtcp.parse(rtcp.pack(5, "name", None, BLOCK, bye=True)) == rtcp.Report(5, None, (BLOCK,))
    assert rtcp.parse(rtcp.pack(5, "", None, None)) == rtcp.Report(5, None, ())


def test_a_description_may_come_first():
    whole = rtcp.pack(5, "name", None, BLOCK)
    assert rtcp.parse(whole[32:] + whole[:32]) == rtcp.Report(5, None, (BLOCK,))


@pytest.mark.parametrize("lost", [-5, 0, 1, 0x7FFFFF])
def test_more_may_come_than_was_sent(lost):
    """§6.4.1: the count is signed."""
    block = rtcp.Block(1, 0, lost, 1, 0, 0, 0)
    report = rtcp.parse(rtcp.pack(5, "x", None, block))
    assert report is not None and report.blocks[0].lost == lost


@given(st.text("ab", max_size=255))
def test_names_of_every_length_are_padded(name):
    data = rtcp.pack(5, name, None, None)
    assert len(data) % 4 == 0
    assert int.from_bytes(data[10:12], "big") * 4 + 4 == len(data) - 8


def test_no_report():
    whole = rtcp.pack(5, "name", SENT, BLOCK)
    for data in (
        b"",
        b"\x80",
        whole[:27],
        whole[:40],
        b"\x40" + whole[1:],
        b"\x9f" + whole[1:],
        b"\x80\xc8\xff\xff" + whole[4:],
    ):
        assert rtcp.parse(data) is None


@pytest.mark.parametrize("seed", range(4))
def test_noise_raises_nothing(seed):
    rng = random.Random(seed)
    whole = rtcp.pack(5, "name", SENT, BLOCK, bye=True)
    for _ in range(5000):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        rtcp.parse(bytes(data[: rng.randrange(len(data) + 1)]))
