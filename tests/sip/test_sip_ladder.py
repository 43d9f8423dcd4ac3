"""What is kept of a leg's messages, how it is drawn, and as a capture."""

import struct

import pytest

from callwright.sip import pcap
from callwright.sip.ladder import Message, drawn, packed, redacted, unpacked

pytestmark = pytest.mark.pure

PEER, US = ("192.0.2.7", 5060), ("198.51.100.1", 5062)
INVITE = (
    b"INVITE sip:1@192.0.2.7 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1:5062;branch=z9hG4bKa\r\nFrom: <sip:2@198.51.100.1>;tag=a\r\n"
    b"To: <sip:1@192.0.2.7>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"
)
BUSY = (
    b"SIP/2.0 486 Busy Here\r\nVia: SIP/2.0/UDP 198.51.100.1:5062;branch=z9hG4bKa\r\nFrom: <sip:2@198.51.100.1>;tag=a\r\n"
    b"To: <sip:1@192.0.2.7>;tag=b\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
)
MESSAGES = [Message(100.25, True, "udp", PEER, INVITE), Message(100.5, False, "udp", PEER, BUSY)]


def test_what_is_packed_is_there_again():
    kept = packed(MESSAGES)
    assert unpacked(kept) == MESSAGES and len(kept) < len(INVITE + BUSY)
    assert unpacked(packed([])) == unpacked(b"") == []
    odd = [Message(1.5, False, "tls", ("2001:db8::1", 5061), b"\xff\0 not SIP\n\n")]
    assert unpacked(packed(odd)) == odd


@pytest.mark.parametrize(
    "line",
    [
        b'Authorization: Digest username="u", response="S3CRET"',
        b'Proxy-Authorization: Digest username="u",\r\n response="S3CRET"',
        b'PROXY-authorization : Digest username="u",\r\n\tnonce="S3CRET",\r\n response="S3CRET"',
        b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:S3CRET|2^20|1:4;inline:S3CRET|2^20|2:4",
        b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 INLINE:S3CRET",
    ],
)
def test_secrets_are_not_kept(line):
    data = INVITE.replace(b"Content-Type", line + b"\r\nContent-Type")
    shown = redacted(data)
    assert b"S3CRET" in data and b"S3CRET" not in shown and len(shown) == len(data)
    # And all else is.
    assert [one for one in INVITE.split(b"\r\n") if one not in shown.split(b"\r\n")] == []


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_keys_told_by_info_are_not_kept(end):
    body = end.join([b"Signal=5", b"Duration=160", b""])
    head = end.join([b"INFO sip:1@x SIP/2.0", b"Call-ID: c", b"Content-Type: application/dtmf-relay", b"", b""])
    assert redacted(head + body) == head + end.join([b"*" * 8, b"*" * 12, b""])


def test_the_ladder():
    far = Message(101.0, False, "tcp", ("192.0.2.8", 5070), b"nonsense\r\n\r\n")
    assert drawn([*MESSAGES, far]) == [
        "           Callwright                                  192.0.2.7:5060",
        "    0.000  |------------- INVITE +SDP -------------->|  udp",
        "    0.250  |<-------- 486 Busy Here (INVITE) --------|  udp",
        "    0.750  |<--------------- nonsense ---------------|  tcp  192.0.2.8:5070",
    ]
    assert drawn([]) == []


def _records(data: bytes) -> list[tuple[float, bytes]]:
    assert struct.unpack_from("<IHH", data) == (0xA1B2C3D4, 2, 4)
    at, found = 24, []
    while at < len(data):
        seconds, micros, size, whole = struct.unpack_from("<IIII", data, at)
        assert size == whole
        found.append((seconds + micros / 1e6, data[at + 16 : at + 16 + size]))
        at += 16 + size
    return found


def _sum(data: bytes) -> int:
    total = sum(int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big") for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_the_capture():
    sent, got = _records(pcap.capture((one, US) for one in MESSAGES))
    assert (sent[0], got[0]) == (100.25, 100.5)
    for packet, source, target, data in (
        (sent[1], "c6336401", "c0000207", INVITE),
        (got[1], "c0000207", "c6336401", BUSY),
    ):
        assert packet[12:20].hex() == source + target and packet[28:] == data
        assert _sum(packet[:20]) == 0xFFFF
        assert _sum(packet[12:20] + struct.pack("!HH", 17, len(packet) - 20) + packet[20:]) == 0xFFFF
    assert struct.unpack_from("!HH", sent[1], 20) == (5062, 5060)


def test_the_capture_of_ipv6():
    messages = [(Message(1.0, True, "tls", ("2001:db8::1", 5061), BUSY), ("192.0.2.1", 5061))]
    ((_, packet),) = _records(pcap.capture(messages))
    assert packet[0] >> 4 == 6 and packet[8:24].hex() == "00000000000000000000ffffc0000201"
    assert _sum(packet[8:40] + struct.pack("!IHBB", len(packet) - 40, 0, 0, 17) + packet[40:]) == 0xFFFF
